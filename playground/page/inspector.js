// What the bot asked of the playground's Web API: method, outcome, how long; arguments and answer on demand.
// Knows nothing of what the calls mean.

import { h, fill, icon } from "./dom.js";
import { get } from "./api.js";
import { jsonDisclosure } from "./blocks.js";

export function inspector(store, { onclose }) {
  const filter = h("input", { class: "field", type: "search", placeholder: "Filter by method", "aria-label": "Filter by method", oninput: () => draw(true) });
  const failed = h("input", { type: "checkbox", id: "only-failed", onchange: () => draw(true) });
  const count = h("span", { class: "muted", role: "status" });
  const list = h("ol", { class: "calls", "aria-label": "API calls, newest first" });
  const el = h("section", { class: "inspector", "aria-label": "API calls of the bot", hidden: true, dataset: { testid: "inspector" } },
    h("div", { class: "inspector-head" },
      h("h2", {}, "API calls"), count, filter,
      h("label", { class: "choice", for: "only-failed" }, failed, "failed only"),
      h("button", { type: "button", class: "tool", "aria-label": "Close the inspector", onclick: () => onclose() }, icon("close"))),
    list);
  const nodes = new Map();

  function row(call) {
    const good = call.ok !== false && !call.error;
    const parts = h("div", { class: "call-parts" });
    const details = h("details", { ontoggle: () => {
      if (!details.open || parts.childElementCount) return;
      const open = (label, value) => {
        const box = jsonDisclosure(label, value);
        box.open = true;
        return box;
      };
      fill(parts, open("Arguments", call.args ?? {}), open("Response", call.response ?? {}));
    } },
    h("summary", {},
      h("span", { class: "call-n" }, `#${call.n}`),
      h("code", {}, call.method),
      h("span", { class: good ? "call-ok" : "call-bad" }, icon(good ? "check" : "bang"), good ? "ok" : call.error || "error"),
      h("span", { class: "call-ms" }, call.ms === undefined ? "" : `${Math.round(call.ms)} ms`)),
    parts);
    return h("li", { dataset: { testid: "call" } }, details);
  }

  function draw(force = false) {
    if (el.hidden && !force) return;
    const typed = filter.value.trim().toLowerCase();
    const shown = store.calls.filter((c) =>
      c.method.toLowerCase().includes(typed) && (!failed.checked || c.ok === false || c.error)).reverse();
    for (const call of shown) {
      const old = nodes.get(call.n);
      if (!old || old.call !== call) nodes.set(call.n, { call, node: row(call) });
    }
    count.textContent = shown.length === 1 ? "1 call" : `${shown.length} calls`;
    const next = shown.map((c) => nodes.get(c.n).node);
    if (!next.length) next.push(h("li", { class: "empty" }, "No calls yet. They appear here as the bot makes them."));
    // Leave what stands in its place untouched, so that an opened call stays open and focus stays.
    next.forEach((node, i) => { if (list.children[i] !== node) list.insertBefore(node, list.children[i] ?? null); });
    while (list.children.length > next.length) list.lastChild.remove();
    const kept = new Set(store.calls.map((c) => c.n));
    for (const n of nodes.keys()) if (!kept.has(n)) nodes.delete(n);
  }

  async function load() {
    const newest = store.calls.at(-1)?.n ?? 0;
    const answer = await get("calls", { after: newest });
    if (!answer.ok) return;
    const known = new Set(store.calls.map((c) => c.n));
    store.calls = [...store.calls, ...(answer.calls ?? []).filter((c) => !known.has(c.n))].sort((a, b) => a.n - b.n);
    draw();
  }

  store.on("calls", () => draw());
  return { el, load, draw, toggle(open) { el.hidden = !open; if (open) draw(); } };
}
