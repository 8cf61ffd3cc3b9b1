// `plan` and `task_card` blocks: a title, how far it is, and each task with its state as an icon AND a word.
// Knows nothing of how a plan comes about or of the bot behind it.

import { h, icon, link } from "./dom.js";
import { plainText, textObject } from "./mrkdwn.js";
import { richOrPlain } from "./richtext.js";

const STATES = {
  __proto__: null,
  pending: { word: "Pending", icon: "circle" },
  in_progress: { word: "In progress", icon: "arc" },
  complete: { word: "Complete", icon: "check" },
  error: { word: "Failed", icon: "bang" },
};

/** Above this many tasks only those that run or failed start out open. */
const FEW = 8;

const stateOf = (task) => STATES[task.status] ?? { word: String(task.status ?? "unknown"), icon: "circle" };

function title(value, ctx) {
  return typeof value === "object" ? textObject(value, ctx) : plainText(value, ctx);
}

export function taskCard(task, ctx, { open = true } = {}) {
  const state = stateOf(task);
  const known = STATES[task.status] ? task.status : "pending";
  const sources = (task.sources ?? []).filter((s) => s?.url);
  const body = [
    task.details ? h("div", { class: "task-details" }, richOrPlain(task.details, ctx, textObject)) : null,
    task.output ? h("div", { class: "task-output" }, richOrPlain(task.output, ctx, textObject)) : null,
    sources.length ? h("ul", { class: "task-sources", "aria-label": "Sources" },
      sources.map((s) => h("li", {}, link(s.url, s.text || s.url)))) : null,
  ].filter(Boolean);
  const head = [
    h("span", { class: "task-icon" }, icon(state.icon)),
    h("span", { class: "task-title" }, title(task.title, ctx)),
    h("span", { class: "task-state" }, state.word),
  ];
  const data = { testid: "task-card", status: task.status ?? "", taskId: task.task_id ?? "" };
  if (!body.length) return h("div", { class: `task task-${known}`, dataset: data }, h("div", { class: "task-head" }, head));
  const key = `task/${task.task_id}`;
  const details = h("details", { open: ctx.open.get(key) ?? open },
    h("summary", { class: "task-head", dataset: { focus: key }, onclick: () => ctx.open.set(key, !details.open) }, head),
    h("div", { class: "task-body" }, body));
  return h("div", { class: `task task-${known}`, dataset: data }, details);
}

/** "2 of 5 complete, 1 in progress" */
export function summary(tasks) {
  const count = (status) => tasks.filter((t) => t.status === status).length;
  const parts = [`${count("complete")} of ${tasks.length} complete`];
  if (count("in_progress")) parts.push(`${count("in_progress")} in progress`);
  if (count("error")) parts.push(`${count("error")} failed`);
  return parts.join(", ");
}

export function plan(block, ctx) {
  const tasks = block.tasks ?? [];
  const running = (t) => t.status === "in_progress" || t.status === "error";
  const order = { complete: 0, error: 1, in_progress: 2 };
  const strip = [...tasks].sort((a, b) => (order[a.status] ?? 3) - (order[b.status] ?? 3));
  const name = title(block.title ?? "Plan", ctx);
  return h("section", { class: "plan", dataset: { testid: "plan" }, "aria-label": `Plan: ${name.textContent}` },
    h("div", { class: "plan-head" },
      h("strong", { class: "plan-title" }, name),
      h("span", { class: "plan-summary" }, summary(tasks))),
    h("div", { class: "plan-strip", "aria-hidden": "true" },
      strip.map((t) => h("i", { class: `strip-${STATES[t.status] ? t.status : "pending"}` }))),
    h("ol", { class: "plan-tasks" },
      tasks.map((t) => h("li", {}, taskCard(t, ctx, { open: tasks.length <= FEW || running(t) })))));
}
