// Select menus, single and multiple, over given options, people or channels, with the browser's own
// controls (they work with keyboard, touch and screen readers as they are).
// Knows nothing of where they stand; `how.changed` tells what was picked. External options are not fetched.

import { h, uid } from "./dom.js";
import { plainText } from "./mrkdwn.js";

// type -> [where the options come from, the field for one, the field for several, the initial field(s)]
const KINDS = {
  __proto__: null,
  static_select: ["options", "selected_option", "initial_option"],
  external_select: ["options", "selected_option", "initial_option"],
  users_select: ["users", "selected_user", "initial_user"],
  channels_select: ["channels", "selected_channel", "initial_channel"],
  conversations_select: ["conversations", "selected_conversation", "initial_conversation"],
};

export const isSelect = (type) => type.replace(/^multi_/, "") in KINDS;

function groups(el, source, ctx) {
  const option = (o) => ({ value: o, label: o.text?.text ?? o.value, note: o.description?.text });
  if (source === "options") {
    if (el.option_groups) return el.option_groups.map((g) => ({ label: g.label?.text, items: g.options.map(option) }));
    const fallback = el.initial_options ?? (el.initial_option ? [el.initial_option] : []);
    return [{ items: (el.options ?? fallback).map(option) }];
  }
  if (source === "users") {
    return [{ items: ctx.users().map((u) => ({ value: u.id, label: u.real_name || u.name })) }];
  }
  const channels = ctx.channels().filter((c) => !c.is_im).map((c) => ({ value: c.id, label: `#${c.name}` }));
  if (source === "channels") return [{ items: channels }];
  const wanted = el.filter?.include;
  if (wanted && !wanted.includes("im")) return [{ items: channels }];
  const people = ctx.users().map((u) => ({ value: u.id, label: u.real_name || u.name }));
  return [{ label: "Channels", items: channels }, { label: "People", items: people }];
}

const same = (a, b) => a === b || (a?.value !== undefined && a.value === b?.value);

export function select(el, ctx, how) {
  const multi = el.type.startsWith("multi_");
  const [source, field, initialField] = KINDS[el.type.replace(/^multi_/, "")];
  const all = groups(el, source, ctx);
  const note = el.type.endsWith("external_select")
    ? h("p", { class: "hint" }, "Its options come from the app; the playground does not ask for them.") : null;
  const control = multi ? several(el, ctx, how, all, `${field}s`, `${initialField}s`) : one(el, ctx, how, all, field, initialField);
  return note ? h("div", {}, control, note) : control;
}

function one(el, ctx, how, all, field, initialField) {
  const now = how.initial({ [field]: el[initialField] ?? null })[field];
  const items = all.flatMap((g) => g.items);
  let n = 0;
  const option = (item) => {
    const node = h("option", {}, plainText(item.label, ctx).textContent);
    node.value = String(n++);
    return node;
  };
  const empty = h("option", { value: "" }, el.placeholder?.text ?? "Choose…");
  empty.value = "";
  const node = h("select", {
    class: "select", id: how.id, "aria-labelledby": how.labelledby, "aria-describedby": how.describedby,
    "aria-label": how.labelledby ? null : el.placeholder?.text ?? "Choose",
    dataset: { action: el.action_id ?? "", focus: `${how.blockId}/${el.action_id}` },
    onchange: () => {
      const value = node.value === "" ? null : items[Number(node.value)].value;
      how.changed({ [field]: value }, node);
    },
  }, empty, all.map((g) => g.label ? h("optgroup", { label: g.label }, g.items.map(option)) : g.items.map(option)));
  const at = items.findIndex((item) => same(item.value, now));
  node.value = at < 0 ? "" : String(at);
  return node;
}

function several(el, ctx, how, all, field, initialField) {
  const picked = [...(how.initial({ [field]: el[initialField] ?? [] })[field] ?? [])];
  const summary = h("summary", { "aria-labelledby": how.labelledby ? `${how.labelledby} ${how.id}-n` : null },
    h("span", { id: how.id ? `${how.id}-n` : null }));
  const say = () => {
    const names = all.flatMap((g) => g.items).filter((i) => picked.some((p) => same(p, i.value))).map((i) => i.label);
    summary.firstChild.textContent = names.length ? names.join(", ") : el.placeholder?.text ?? "Choose…";
  };
  const check = (item) => {
    const id = uid("opt");
    const box = h("input", { type: "checkbox", id, onchange: () => {
      const at = picked.findIndex((p) => same(p, item.value));
      if (box.checked && at < 0) picked.push(item.value);
      if (!box.checked && at >= 0) picked.splice(at, 1);
      if (el.max_selected_items && picked.length > el.max_selected_items) {
        picked.pop();
        box.checked = false;
      }
      say();
      how.changed({ [field]: [...picked] }, node);
    } });
    box.checked = picked.some((p) => same(p, item.value));
    return h("label", { class: "choice", for: id }, box, h("span", {}, plainText(item.label, ctx),
      item.note ? h("small", {}, item.note) : null));
  };
  const node = h("details", { class: "multi", dataset: { action: el.action_id ?? "" } }, summary,
    h("div", { class: "multi-list", role: "group", "aria-labelledby": how.labelledby }, all.map((g) =>
      [g.label ? h("strong", { class: "multi-group" }, g.label) : null, g.items.map(check)])));
  say();
  return node;
}
