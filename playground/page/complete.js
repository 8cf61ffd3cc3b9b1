// Suggestions while typing: people after "@", channels after "#", commands after "/", emoji after ":".
// Attaches to a textarea. Knows nothing of sending.

import { h, fill, uid } from "./dom.js";
import { findEmoji } from "./emoji.js";
import { avatar, roleOf } from "./people.js";
import { announce } from "./popover.js";

const starts = (text, typed) => {
  const low = (text ?? "").toLowerCase();
  return low.startsWith(typed) || low.split(/[\s-]/).some((word) => word.startsWith(typed));
};

/** What could stand here: [{insert, draw}] and from where the typed text would be replaced. */
function suggestions(area, store, inThread) {
  const before = area.value.slice(0, area.selectionStart);
  const command = before.match(/^\/([a-z0-9_-]*)$/i);
  if (command && !inThread) {
    const found = store.workspace.commands.filter((c) => c.command.startsWith(before.toLowerCase()));
    return { from: 0, items: found.map((c) => ({
      insert: `${c.command} `,
      draw: () => [h("strong", {}, c.command), " ", h("span", { class: "muted" }, c.usage_hint ?? ""),
        h("small", {}, c.description ?? "")] })) };
  }
  const at = before.match(/(?:^|[\s(])([@#:])([\p{L}\p{N}_+.-]*)$/u);
  if (!at) return { from: 0, items: [] };
  const [, sign, raw] = at;
  const typed = raw.toLowerCase();
  const from = before.length - raw.length - 1;
  if (sign === "@") {
    const bot = store.workspace.bot_user;
    const people = store.workspace.users
      .filter((u) => starts(u.real_name, typed) || starts(u.name, typed))
      .sort((a, b) => (b.id === bot) - (a.id === bot));
    const ranges = ["here", "channel"].filter((r) => typed && r.startsWith(typed));
    return { from, items: [
      ...people.map((u) => ({ insert: `@${u.real_name || u.name} `, draw: () => [
        avatar({ name: u.real_name || u.name, color: u.color, isApp: u.is_bot }, "avatar-small"),
        h("strong", {}, u.real_name || u.name), " ", h("span", { class: "muted" }, roleOf(u) === "member" ? "" : roleOf(u))] })),
      ...ranges.map((r) => ({ insert: `@${r} `, draw: () => [h("strong", {}, `@${r}`), h("small", {}, "Notifies the channel")] })),
    ] };
  }
  if (sign === "#") {
    const found = store.workspace.channels.filter((c) => !c.is_im && starts(c.name, typed));
    return { from, items: found.map((c) => ({ insert: `#${c.name} `, draw: () => h("strong", {}, `#${c.name}`) })) };
  }
  if (typed.length < 2) return { from: 0, items: [] };
  return { from, items: findEmoji(typed).map((e) => ({ insert: `:${e.name}: `, draw: () => [`${e.char} `, `:${e.name}:`] })) };
}

/** Returns {list, key(event) -> true when it took the key, refresh(), close()}. */
export function completion(area, store, { inThread = false } = {}) {
  const listId = uid("suggest");
  const list = h("ul", { class: "suggest", role: "listbox", id: listId, "aria-label": "Suggestions", hidden: true });
  area.setAttribute("aria-autocomplete", "list");
  area.setAttribute("aria-controls", listId);
  let items = [];
  let from = 0;
  let at = 0;

  function mark(index) {
    at = (index + items.length) % items.length;
    [...list.children].forEach((node, i) => node.setAttribute("aria-selected", String(i === at)));
    area.setAttribute("aria-activedescendant", list.children[at].id);
    list.children[at].scrollIntoView({ block: "nearest" });
  }

  function close() {
    items = [];
    list.hidden = true;
    area.removeAttribute("aria-activedescendant");
  }

  function pick(index) {
    const text = items[index].insert;
    area.setRangeText(text, from, area.selectionStart, "end");
    close();
    area.focus();
    area.dispatchEvent(new Event("input", { bubbles: true }));
  }

  function refresh() {
    const found = suggestions(area, store, inThread);
    if (!found.items.length) return close();
    const before = items.length;
    ({ items, from } = found);
    items = items.slice(0, 8);
    fill(list, items.map((item, i) => h("li", {
      role: "option", id: `${listId}-${i}`, "aria-selected": "false",
      onmousedown: (event) => { event.preventDefault(); pick(i); },
    }, item.draw())));
    list.hidden = false;
    mark(0);
    if (items.length !== before) announce(`${items.length} ${items.length === 1 ? "suggestion" : "suggestions"}`);
  }

  function key(event) {
    if (!items.length || event.isComposing) return false;
    if (event.key === "ArrowDown") mark(at + 1);
    else if (event.key === "ArrowUp") mark(at - 1);
    else if (event.key === "Enter" || event.key === "Tab") {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return false;
      pick(at);
    } else if (event.key === "Escape") close();
    else return false;
    event.preventDefault();
    event.stopPropagation();
    return true;
  }

  area.addEventListener("blur", () => setTimeout(close, 120));
  return { list, key, refresh, close };
}
