// Modals the bot opens: a stack of views, typed values kept over updates, errors shown beside their fields.
// The browser's <dialog> holds the focus. Knows nothing of what a view is about.

import { h, fill, icon, uid } from "./dom.js";
import { post } from "./api.js";
import { blocks, showErrors } from "./blocks.js";
import { contextFor, valuesOf } from "./context.js";
import { plainText } from "./mrkdwn.js";

export function modals(store) {
  let stack = []; // views, the top one shown
  const titleId = uid("modal-title");
  const title = h("h2", { class: "dialog-title", id: titleId });
  const back = h("button", { type: "button", class: "tool", "aria-label": "Back", onclick: () => leave() }, icon("back"));
  const away = h("button", { type: "button", class: "tool", "aria-label": "Close", onclick: () => leave(true) }, icon("close"));
  const body = h("div", { class: "dialog-body" });
  const problem = h("p", { class: "input-error", role: "alert", hidden: true });
  const cancel = h("button", { type: "button", class: "button", onclick: () => leave() });
  const submit = h("button", { type: "submit", class: "button primary" });
  const form = h("form", { class: "dialog-form", novalidate: true, onsubmit: (event) => { event.preventDefault(); send(); } },
    h("div", { class: "dialog-head" }, back, title, away), body, problem, h("div", { class: "dialog-foot" }, cancel, submit));
  const dialog = h("dialog", { class: "dialog", "aria-labelledby": titleId, dataset: { testid: "modal" } }, form);
  document.body.append(dialog);
  let returnTo = null;

  dialog.addEventListener("cancel", (event) => {
    event.preventDefault(); // Escape: the bot may want to know, and the view below may stay
    leave();
  });

  const top = () => stack.at(-1);
  const key = (view) => `view/${view.id}`;

  function draw({ keepFocus = false } = {}) {
    const view = top();
    if (!view) {
      if (dialog.open) dialog.close();
      fill(body);
      returnTo?.focus?.();
      returnTo = null;
      return;
    }
    const focused = keepFocus && dialog.contains(document.activeElement) ? document.activeElement.dataset.focus : null;
    const scroll = body.scrollTop;
    const ctx = contextFor(store, key(view), { view_id: view.id });
    fill(title, plainText(view.title?.text ?? "", ctx));
    fill(body, blocks(view.blocks, ctx));
    fill(cancel, plainText(view.close?.text ?? (view.submit ? "Cancel" : "Close"), ctx));
    fill(submit, plainText(view.submit?.text ?? "Submit", ctx));
    submit.hidden = !(view.submit || (view.blocks ?? []).some((b) => b.type === "input"));
    back.hidden = stack.length < 2;
    problem.hidden = true;
    if (!dialog.open) {
      returnTo = document.activeElement;
      dialog.showModal();
    }
    if (focused) dialog.querySelector(`[data-focus="${CSS.escape(focused)}"]`)?.focus();
    else if (!keepFocus) (body.querySelector("input, select, textarea, summary, button") ?? away).focus();
    body.scrollTop = keepFocus ? scroll : 0;
  }

  async function leave(all = false) {
    const gone = all ? [...stack].reverse() : [top()];
    stack = stack.slice(0, all ? 0 : -1);
    draw();
    if (gone[0]) await post("view_close", { as: store.me, view_id: gone[0].id, all: all || undefined });
  }

  function missing(view, values) {
    const errors = {};
    (view.blocks ?? []).forEach((block, i) => {
      if (block.type !== "input" || block.optional) return;
      const value = Object.values(values[block.block_id ?? `block-${i}`] ?? {})[0];
      const given = value && Object.entries(value).some(([k, v]) =>
        k !== "type" && v !== null && v !== undefined && v !== "" && !(Array.isArray(v) && !v.length)
        && !(v.type === "rich_text" && !JSON.stringify(v).includes('"text":"')));
      if (!given) errors[block.block_id ?? `block-${i}`] = "Please fill this in.";
    });
    return errors;
  }

  async function send() {
    const view = top();
    const values = valuesOf(store, key(view), view);
    const empty = missing(view, values);
    showErrors(body, empty);
    if (Object.keys(empty).length) return;
    submit.setAttribute("aria-busy", "true");
    submit.disabled = true;
    const answer = await post("view_submit", { as: store.me, view_id: view.id, values });
    submit.removeAttribute("aria-busy");
    submit.disabled = false;
    if (answer.ok) {
      // What comes next (closing, another view) the server says over the socket; see `view_closed`.
      if (answer.closed) closed({ view_id: view.id });
      return;
    }
    const left = showErrors(body, answer.errors ?? {});
    const words = answer.error ?? Object.values(left).join(" ");
    problem.hidden = !words;
    problem.textContent = words;
  }

  function shown({ view, trigger }) {
    if (!view || (view.type && view.type !== "modal")) return;
    const at = stack.findIndex((v) => v.id === view.id);
    if (at >= 0) stack[at] = view;
    else if (trigger === "push" || (view.root_view_id && stack.some((v) => v.id === view.previous_view_id))) stack.push(view);
    else stack = [view];
    draw({ keepFocus: at >= 0 });
  }

  function closed({ view_id: id }) {
    const at = stack.findIndex((v) => v.id === id);
    if (at < 0) return;
    stack.splice(at, 1);
    draw({ keepFocus: at < stack.length });
  }

  store.on("view", shown);
  store.on("view_closed", closed);
  return { clear() { stack = []; draw(); } };
}
