// The line that says what the bot is doing ("Delegate is thinking…") in one conversation, and Slack's own
// stop button while an agent's session is at work. Knows nothing of when it ends: the store does.

import { h, fill } from "./dom.js";
import { post } from "./api.js";
import { notify } from "./popover.js";

export function statusLine(store, place) {
  const words = h("span", { role: "status", dataset: { testid: "status" } });
  const dots = h("span", { class: "dots", "aria-hidden": "true" }, h("i"), h("i"), h("i"));
  const stop = h("button", { type: "button", class: "link-button", onclick: async () => {
    const { channel, thread } = place();
    const answer = await post("stop", { as: store.me, channel, thread_ts: thread });
    if (!answer.ok) notify(answer.error ?? "That did not work.");
  } }, "Stop session");
  const el = h("div", { class: "status-line" }, dots, words, stop);
  let before = null;
  function draw() {
    const { channel, thread } = place();
    const { text, working } = store.session(channel, thread);
    const shown = text || (working ? "is working…" : "");
    dots.hidden = !shown;
    stop.hidden = !working;
    if (shown === before) return;
    before = shown;
    fill(words, shown ? `${store.botName} ${shown}` : null);
  }
  store.on("status", draw);
  store.on("place", draw);
  draw();
  return el;
}
