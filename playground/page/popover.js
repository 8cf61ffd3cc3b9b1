// Things that float above the page: a menu at a button, a yes/no question, a short notice.
// Uses the browser's own popover and <dialog>, so Escape, focus and the top layer are its work.
// Knows nothing of messages or of Slack.

import { h, fill, uid } from "./dom.js";

/** Shows `node` beside `anchor`; closes on Escape or a click elsewhere. Returns a function that closes it. */
export function openPopover(anchor, node, { onclose } = {}) {
  const box = h("div", { class: "popover", popover: "auto" }, node);
  (anchor.closest("dialog") ?? document.body).append(box);
  box.addEventListener("toggle", (event) => {
    if (event.newState !== "closed") return;
    const inside = box.contains(document.activeElement) || document.activeElement === document.body;
    anchor.setAttribute("aria-expanded", "false");
    box.remove();
    if (inside) anchor.focus();
    onclose?.();
  });
  box.showPopover();
  anchor.setAttribute("aria-expanded", "true");
  const at = anchor.getBoundingClientRect();
  const size = box.getBoundingClientRect();
  const below = at.bottom + size.height + 8 < innerHeight;
  box.style.top = `${Math.max(8, below ? at.bottom + 4 : at.top - size.height - 4)}px`;
  box.style.left = `${Math.max(8, Math.min(at.right - size.width, innerWidth - size.width - 8))}px`;
  return () => box.matches(":popover-open") && box.hidePopover();
}

/** items: [{label, note?, danger?, onpick}] */
export function openMenu(anchor, items, label) {
  let close = () => {};
  const buttons = items.map((item) =>
    h("button", {
      type: "button", role: "menuitem", tabindex: "-1", class: item.danger ? "menu-item danger" : "menu-item",
      onclick: () => { close(); item.onpick(); },
    }, h("span", {}, item.label), item.note ? h("small", {}, item.note) : null));
  const menu = h("div", { role: "menu", "aria-label": label, onkeydown: (event) => {
    const at = buttons.indexOf(document.activeElement);
    const move = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: buttons.length - 1 }[event.key];
    if (event.key === "Tab") close();
    if (move === undefined) return;
    event.preventDefault();
    buttons.at(move % buttons.length)?.focus();
  } }, buttons);
  close = openPopover(anchor, menu);
  buttons[0]?.focus();
}

/** Resolves true when the person agrees. Takes nodes or text. */
export function ask({ title, text, yes = "OK", no = "Cancel", danger = false }) {
  return new Promise((resolve) => {
    const titleId = uid("ask");
    const dialog = h("dialog", { class: "dialog dialog-small", "aria-labelledby": titleId },
      h("form", { method: "dialog" },
        h("h2", { id: titleId, class: "dialog-title" }, title),
        h("div", { class: "dialog-body" }, h("div", { class: "text" }, text)),
        h("div", { class: "dialog-foot" },
          h("button", { class: "button", value: "no" }, no),
          h("button", { class: danger ? "button danger" : "button primary", value: "yes" }, yes))));
    dialog.addEventListener("close", () => {
      resolve(dialog.returnValue === "yes");
      dialog.remove();
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** A sentence at the bottom of the page, for what went wrong; also read out. */
export function notify(text, { kind = "error" } = {}) {
  const holder = document.querySelector("#notices");
  const note = h("div", { class: `notice notice-${kind}` },
    h("span", {}, text),
    h("button", { type: "button", class: "link-button", onclick: () => note.remove() }, "Dismiss"));
  holder.append(note);
  // An open <dialog> lies above everything else; a manual popover may lie above the dialog.
  if (holder.showPopover) {
    if (holder.matches(":popover-open")) holder.hidePopover();
    holder.showPopover();
  }
  setTimeout(() => note.remove(), 9000);
}

export function announce(text) {
  const region = document.querySelector("#announcer");
  fill(region, text);
}
