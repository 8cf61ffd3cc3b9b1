// Fields to type, tick or pick a date in: text, number, e-mail, address, date, time, checkboxes, radio
// buttons, files. Knows nothing of where they stand; `how.remember` keeps a value, `how.changed` sends it too.

import { h, uid } from "./dom.js";
import { plainText, textObject } from "./mrkdwn.js";

const TEXTS = {
  __proto__: null,
  plain_text_input: "text", number_input: "text", email_text_input: "email", url_text_input: "url", rich_text_input: "text",
};
const DATES = {
  __proto__: null,
  datepicker: ["date", "selected_date", "initial_date"],
  timepicker: ["time", "selected_time", "initial_time"],
  datetimepicker: ["datetime-local", "selected_date_time", "initial_date_time"],
};

export const isInput = (type) =>
  type in TEXTS || type in DATES || ["checkboxes", "radio_buttons", "file_input"].includes(type);

export function input(el, ctx, how) {
  if (el.type in TEXTS) return text(el, how);
  if (el.type in DATES) return date(el, how);
  if (el.type === "file_input") return files(el, ctx, how);
  return choices(el, ctx, how, el.type === "checkboxes");
}

const common = (el, how) => ({
  id: how.id, "aria-labelledby": how.labelledby, "aria-describedby": how.describedby,
  "aria-label": how.labelledby ? null : el.placeholder?.text ?? el.action_id,
  dataset: { action: el.action_id ?? "", focus: `${how.blockId}/${el.action_id}` },
});

const toRich = (value) => ({
  type: "rich_text",
  elements: [{ type: "rich_text_section", elements: value ? [{ type: "text", text: value }] : [] }],
});

/** The plain words of a rich_text value, enough to put them into a textarea. */
const fromRich = (value) =>
  (value?.elements ?? []).map((s) => (s.elements ?? []).map((e) => e.text ?? "").join("")).join("\n");

function text(el, how) {
  const rich = el.type === "rich_text_input";
  const field = rich ? "rich_text_value" : "value";
  const start = how.initial({ [field]: el.initial_value ?? null })[field];
  const many = el.multiline || rich;
  const value = () => (rich ? toRich(node.value) : node.value === "" ? null : node.value);
  const when = el.dispatch_action_config?.trigger_actions_on ?? ["on_enter_pressed"];
  const node = h(many ? "textarea" : "input", {
    ...common(el, how),
    class: "field", type: many ? null : TEXTS[el.type], rows: many ? 4 : null,
    inputmode: el.type === "number_input" ? (el.is_decimal_allowed ? "decimal" : "numeric") : null,
    placeholder: el.placeholder?.text, maxlength: el.max_length, minlength: el.min_length,
    oninput: () => {
      const say = how.dispatch !== false && when.includes("on_character_entered");
      (say ? how.changed : how.remember)({ [field]: value() }, node);
    },
    onkeydown: (event) => {
      if (event.key !== "Enter" || event.shiftKey || many || how.dispatch === false || event.isComposing) return;
      event.preventDefault();
      if (when.includes("on_enter_pressed")) how.changed({ [field]: value() }, node);
    },
  });
  node.value = rich ? fromRich(start) : start ?? "";
  if (el.focus_on_load) node.autofocus = true;
  return node;
}

const pad = (n) => String(n).padStart(2, "0");
function localStamp(seconds) {
  const d = new Date(seconds * 1000);
  return `${d.getFullYear()}-${pad(d.getMonth() + 1)}-${pad(d.getDate())}T${pad(d.getHours())}:${pad(d.getMinutes())}`;
}

function date(el, how) {
  const [type, field, initialField] = DATES[el.type];
  const stamp = el.type === "datetimepicker";
  const start = how.initial({ [field]: el[initialField] ?? null })[field];
  const node = h("input", { ...common(el, how), class: "field field-date", type, onchange: () => {
    const value = node.value === "" ? null : stamp ? Math.floor(new Date(node.value).getTime() / 1000) : node.value;
    how.changed({ [field]: value }, node);
  } });
  node.value = start ? (stamp ? localStamp(start) : start) : "";
  return node;
}

function choices(el, ctx, how, many) {
  const field = many ? "selected_options" : "selected_option";
  const first = many ? el.initial_options ?? [] : el.initial_option ?? null;
  const now = how.initial({ [field]: first })[field];
  const picked = many ? [...(now ?? [])] : now ? [now] : [];
  const name = uid("choice");
  const one = (option) => {
    const id = uid("opt");
    const box = h("input", {
      type: many ? "checkbox" : "radio", name, id, "aria-describedby": how.describedby, onchange: () => {
        if (!many) picked.splice(0, picked.length, option);
        else if (box.checked) picked.push(option);
        else picked.splice(picked.findIndex((p) => p.value === option.value), 1);
        how.changed({ [field]: many ? [...picked] : picked[0] ?? null }, node);
      },
    });
    box.checked = picked.some((p) => p.value === option.value);
    return h("label", { class: "choice", for: id }, box, h("span", {}, textObject(option.text, ctx),
      option.description ? h("small", {}, textObject(option.description, ctx)) : null));
  };
  const node = h("div", {
    class: "choices", role: many ? "group" : "radiogroup", id: how.id,
    "aria-labelledby": how.labelledby, "aria-label": how.labelledby ? null : "Options",
    dataset: { action: el.action_id ?? "" },
  }, (el.options ?? []).map(one));
  return node;
}

function files(el, ctx, how) {
  const picked = [...(how.initial({ files: [] }).files ?? [])];
  const names = h("p", { class: "hint" });
  const say = () => names.replaceChildren(plainText(picked.map((f) => f.name).join(", "), ctx, false));
  const node = h("input", {
    ...common(el, how), class: "field", type: "file", multiple: (el.max_files ?? 10) > 1,
    accept: el.filetypes?.map((t) => `.${t}`).join(","),
    onchange: async () => {
      picked.length = 0;
      for (const file of [...node.files].slice(0, el.max_files ?? 10)) {
        const done = await ctx.upload(file);
        if (done) picked.push(done);
      }
      say();
      how.changed({ files: [...picked] }, node);
    },
  });
  say();
  return h("div", {}, node, names);
}
