// A worker in Node: counts the words of what the steps before it wrote. docs/wire.md says what is sent when.
import { randomUUID } from "node:crypto";
import amqp from "amqplib";

const { BROKER_URL = "amqp://127.0.0.1", BROKER_PREFIX = "" } = process.env;
const channel = await (await amqp.connect(BROKER_URL)).createConfirmChannel();
const { queue: control } = await channel.assertQueue("", { exclusive: true });
const waiting = new Map(); // tasks that may not begin yet

async function work({ request, results }) {
  const text = results.map(({ result }) => result.text).join("\n") || request;
  return { text: `${text.match(/[\p{L}\p{N}]+/gu)?.length ?? 0} words` };
}

async function report(kind, { workspace, run, step, attempt }, more) {
  const head = { specversion: "1.0", id: randomUUID(), source: `/workers/${control}`, time: new Date() };
  const event = { ...head, type: `delegate.report.${kind}`, data: { workspace, run, step, attempt, ...more } };
  channel.sendToQueue(`${BROKER_PREFIX}bot.reports`, Buffer.from(JSON.stringify(event)), { persistent: true });
  await channel.waitForConfirms();
}

async function take(message) {
  const { data: task, subject } = JSON.parse(message.content);
  const start = () => report("started", task, { holder: control, reply_to: control });
  const asks = task.external || task.alone; // whoever reports its start first may begin, and nobody else
  const granted = !asks || new Promise((tell) => waiting.set(subject, tell));
  await start();
  channel.ack(message); // from here on its lease counts, which the beats renew
  const beats = setInterval(() => (waiting.has(subject) ? start() : report("beat", task)), 5_000);
  setTimeout(() => clearInterval(beats), task.seconds * 1_000); // what takes longer is given up for lost
  try {
    if (await granted) await report("finished", task, { result: await work(task) });
  } catch (error) {
    console.error(error);
    await report("failed", task, { error: "Counting went wrong; the worker's log says how." });
  } finally {
    clearInterval(beats);
  }
}

await channel.consume(control, ({ content }) => {
  const { type, subject, data } = JSON.parse(content);
  if (type === "delegate.control.go") waiting.get(subject)?.(data.granted), waiting.delete(subject);
}, { noAck: true });
await channel.prefetch(1); // not yet begun; so one that ends this process takes no other along
await channel.consume(`${BROKER_PREFIX}worker.counter`, take);
console.log("ready");
