// Block Kit blocks to DOM nodes. One small function a block type; a type it does not know becomes a note
// with its JSON behind a disclosure, never a silent gap.
// Knows nothing of messages, modals or Home, where blocks may stand: that comes in as `ctx`.

import { h, fragment, link, ownUrl, uid } from "./dom.js";
import { markdown } from "./markdown.js";
import { plainText, textObject } from "./mrkdwn.js";
import { richText } from "./richtext.js";
import { element } from "./elements.js";
import { plan, taskCard } from "./plan.js";

export function jsonDisclosure(label, value) {
  const body = h("pre", { class: "json", tabindex: "0" });
  return h("details", { class: "json-box", ontoggle: (event) => {
    if (event.target.open && !body.textContent) body.textContent = JSON.stringify(value, null, 2);
  } }, h("summary", {}, label), body);
}

const unsupported = (block, what = "block") =>
  h("div", { class: "unsupported" },
    jsonDisclosure(h("span", {}, `Unsupported ${what}: `, h("code", {}, String(block?.type ?? "no type"))), block));

/** An image this playground serves is shown; any other is a link, since the page asks no other host. */
function picture(spec, className) {
  const address = spec.image_url ?? spec.slack_file?.url ?? (spec.slack_file?.id && `/files/${spec.slack_file.id}/image`);
  const src = address && ownUrl(address);
  if (src) return h("img", { class: className, src, alt: spec.alt_text ?? "", loading: "lazy" });
  return h("span", { class: "image-away" }, link(address, `Image: ${spec.alt_text || address || "no address"}`));
}

const interactive = (el, blockId, ctx, how) => element(el, blockId, ctx, how) ?? unsupported(el, "element");

function accessory(el, blockId, ctx) {
  if (!el) return null;
  const inner = el.type === "image" ? picture(el, "accessory-image") : interactive(el, blockId, ctx);
  return h("div", { class: "accessory" }, inner);
}

function section(block, ctx) {
  return h("div", { class: "block-section" },
    h("div", { class: "section-main" },
      block.text ? h("div", { class: "text" }, textObject(block.text, ctx)) : null,
      block.fields?.length
        ? h("div", { class: "fields" }, block.fields.map((f) => h("div", { class: "text" }, textObject(f, ctx)))) : null),
    accessory(block.accessory, block.block_id, ctx));
}

function context(block, ctx) {
  return h("div", { class: "block-context" }, (block.elements ?? []).map((el) =>
    el.type === "image" ? picture(el, "context-image") : h("span", { class: "text" }, textObject(el, ctx))));
}

function actions(block, ctx) {
  return h("div", { class: `block-${block.type.replace("_", "-")}` },
    (block.elements ?? []).map((el) => interactive(el, block.block_id, ctx)));
}

function image(block, ctx) {
  return h("figure", { class: "block-image" },
    block.title ? h("figcaption", {}, textObject(block.title, ctx)) : null, picture(block, "image"));
}

function cell(content, ctx) {
  if (content?.type === "rich_text") return richText(content, ctx);
  if (content?.type === "raw_number") return content.text ?? String(content.value ?? "");
  return plainText(content?.text ?? "", ctx, false);
}

function table(block, ctx) {
  const set = block.column_settings ?? [];
  const row = (columns, tag) => h("tr", {}, columns.map((c, i) =>
    h(tag, {
      scope: tag === "th" ? "col" : null,
      class: `align-${["center", "right"].includes(set[i]?.align) ? set[i].align : "left"}${set[i]?.is_wrapped ? "" : " nowrap"}`,
    }, cell(c, ctx))));
  const [head, ...rest] = block.rows ?? [];
  return h("div", { class: "table-wrap", tabindex: "0", role: "group", "aria-label": "Table" },
    h("table", {}, head ? h("thead", {}, row(head, "th")) : null, h("tbody", {}, rest.map((r) => row(r, "td")))));
}

function inputBlock(block, ctx) {
  const el = block.element ?? {};
  const id = uid("field");
  const labelId = uid("label");
  const errorId = uid("error");
  const hintId = block.hint ? uid("hint") : null;
  const control = interactive(el, block.block_id, ctx, {
    id, labelledby: labelId, describedby: [hintId, errorId].filter(Boolean).join(" "), dispatch: block.dispatch_action === true,
  });
  return h("div", { class: "block-input", dataset: { blockId: block.block_id ?? "" } },
    h("label", { class: "input-label", id: labelId, for: id }, textObject(block.label, ctx),
      block.optional ? h("span", { class: "optional" }, " (optional)") : null),
    control,
    hintId ? h("p", { class: "hint", id: hintId }, textObject(block.hint, ctx)) : null,
    h("p", { class: "input-error", id: errorId, hidden: true }));
}

const LEVELS = { __proto__: null, info: "Note", warning: "Warning", error: "Error", success: "Done", default: "Note" };

function alertBlock(block, ctx) {
  const level = LEVELS[block.level] ? block.level : "default";
  return h("div", { class: `block-alert alert-${level}` },
    h("strong", {}, `${LEVELS[level]}: `), h("span", { class: "text" }, textObject(block.text, ctx)));
}

function card(block, ctx) {
  return h("div", { class: "block-card" },
    block.hero_image ? picture(block.hero_image, "image") : null,
    block.title ? h("strong", { class: "text" }, textObject(block.title, ctx)) : null,
    block.subtitle ? h("div", { class: "text muted" }, textObject(block.subtitle, ctx)) : null,
    block.body ? h("div", { class: "text" }, textObject(block.body, ctx)) : null,
    block.actions?.length
      ? h("div", { class: "block-actions" }, block.actions.map((el) => interactive(el, block.block_id, ctx))) : null);
}

function container(block, ctx) {
  const head = [block.rich_text_title ? richText(block.rich_text_title, ctx) : textObject(block.title, ctx),
    block.subtitle ? h("span", { class: "muted" }, " ", textObject(block.subtitle, ctx)) : null];
  const inner = blocks(block.child_blocks, ctx);
  if (!block.is_collapsible) return h("div", { class: "block-card" }, h("strong", {}, head), inner);
  return h("details", { class: "block-card", open: !block.default_collapsed }, h("summary", {}, head), inner);
}

// Without a prototype: a block may call itself "constructor".
const KNOWN = {
  __proto__: null,
  section, context, actions, context_actions: actions, image, table, plan, container, card,
  header: (b, ctx) => h(ctx.heading ?? "h3", { class: "block-header" }, textObject(b.text, ctx)),
  divider: () => h("hr", { class: "block-divider" }),
  rich_text: (b, ctx) => h("div", { class: "text rich" }, richText(b, ctx)),
  markdown: (b, ctx) => h("div", { class: "text markdown" }, markdown(b.text, ctx)),
  task_card: (b, ctx) => taskCard(b, ctx),
  input: inputBlock,
  alert: alertBlock,
  carousel: (b, ctx) => h("div", { class: "block-carousel" }, blocks(b.elements, ctx)),
};

export function blocks(list, ctx) {
  return fragment((list ?? []).map((block, i) => {
    const draw = KNOWN[block?.type];
    if (!draw) return unsupported(block);
    try {
      return draw({ block_id: `block-${i}`, ...block }, ctx);
    } catch (error) {
      console.error("A block could not be drawn", block, error);
      return unsupported(block);
    }
  }));
}

/** Shows {block_id: sentence} beside the inputs within `root`; clears what was there. Returns those not placed. */
export function showErrors(root, errors = {}) {
  const left = { ...errors };
  let first = null;
  for (const box of root.querySelectorAll(".block-input")) {
    const message = left[box.dataset.blockId];
    delete left[box.dataset.blockId];
    const line = box.querySelector(":scope > .input-error");
    line.hidden = !message;
    line.textContent = message ?? "";
    const control = box.querySelector("input, select, textarea, summary");
    if (message) control?.setAttribute("aria-invalid", "true");
    else control?.removeAttribute("aria-invalid");
    if (message) first ??= control;
  }
  first?.focus();
  return left;
}
