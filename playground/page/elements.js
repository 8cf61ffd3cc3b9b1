// Interactive elements that act at once: buttons, icon and feedback buttons, overflow menus; and the door
// to the others (selects.js, inputs.js). Knows nothing of where a block stands: `ctx` sends the action.

import { h, icon, link, safeUrl } from "./dom.js";
import { emoji } from "./emoji.js";
import { plainText, textObject } from "./mrkdwn.js";
import { ask, openMenu } from "./popover.js";
import { isSelect, select } from "./selects.js";
import { isInput, input } from "./inputs.js";

/** Asks first when the element wants that, then sends; the control is busy meanwhile. */
export async function act(el, blockId, ctx, extra, control) {
  if (el.confirm) {
    const { title, text, confirm, deny, style } = el.confirm;
    const agreed = await ask({
      title: plainText(title?.text, ctx), text: textObject(text, ctx),
      yes: confirm?.text, no: deny?.text, danger: style === "danger",
    });
    if (!agreed) return;
  }
  control?.setAttribute("aria-busy", "true");
  try {
    await ctx.act({ type: el.type, block_id: blockId, action_id: el.action_id, ...extra });
  } finally {
    control?.removeAttribute("aria-busy");
  }
}

function button(el, blockId, ctx) {
  const style = el.style === "primary" ? "button primary" : el.style === "danger" ? "button danger" : "button";
  const words = plainText(el.text?.text, ctx);
  const extra = { value: el.value };
  if (el.url && safeUrl(el.url)) {
    const a = link(el.url, words);
    a.className = style;
    a.addEventListener("click", () => act({ ...el, confirm: null }, blockId, ctx, extra, a));
    return a;
  }
  const node = h("button", {
    type: "button", class: style, "aria-label": el.accessibility_label,
    dataset: { action: el.action_id, focus: `${blockId}/${el.action_id}` },
    onclick: () => act(el, blockId, ctx, extra, node),
  }, words);
  return node;
}

function iconButton(el, blockId, ctx) {
  if (el.visible_to_user_ids?.length && !el.visible_to_user_ids.includes(ctx.me)) return null;
  const char = emoji(el.icon) ?? (el.icon === "trash" ? emoji("wastebasket") : null);
  const node = h("button", {
    type: "button", class: "button small", "aria-label": el.accessibility_label || el.text?.text,
    dataset: { action: el.action_id, focus: `${blockId}/${el.action_id}` },
    onclick: () => act(el, blockId, ctx, { value: el.value }, node),
  }, char ? h("span", { "aria-hidden": "true" }, char) : null, " ", plainText(el.text?.text, ctx));
  return node;
}

function feedbackButtons(el, blockId, ctx) {
  const one = (spec, sign, word) => {
    const pressed = ctx.chosen.get(`${blockId}/${el.action_id}`) === spec.value;
    const node = h("button", {
      type: "button", class: "button small feedback", "aria-pressed": String(pressed),
      "aria-label": spec.accessibility_label || spec.text?.text || word,
      dataset: { action: el.action_id, focus: `${blockId}/${el.action_id}/${word}` },
      onclick: async () => {
        ctx.chosen.set(`${blockId}/${el.action_id}`, spec.value);
        group.querySelectorAll("button").forEach((b) => b.setAttribute("aria-pressed", String(b === node)));
        await act(el, blockId, ctx, { value: spec.value }, node);
      },
    }, h("span", { "aria-hidden": "true" }, sign), " ", plainText(spec.text?.text ?? word, ctx));
    return node;
  };
  const group = h("div", { class: "feedback-group", role: "group", "aria-label": "Feedback" },
    one(el.positive_button ?? {}, "👍", "Good"), one(el.negative_button ?? {}, "👎", "Bad"));
  return group;
}

function overflow(el, blockId, ctx) {
  const node = h("button", {
    type: "button", class: "button icon-only", "aria-label": "More actions", "aria-haspopup": "menu", "aria-expanded": "false",
    dataset: { action: el.action_id, focus: `${blockId}/${el.action_id}` },
    onclick: () => openMenu(node, (el.options ?? []).map((option) => ({
      label: plainText(option.text?.text, ctx),
      note: option.description?.text,
      onpick: () => {
        if (safeUrl(option.url)) window.open(safeUrl(option.url), "_blank", "noopener,noreferrer");
        act(el, blockId, ctx, { selected_option: option }, node);
      },
    })), "More actions"),
  }, icon("more"));
  return node;
}

/**
 * `how`: {labelledby, describedby, dispatch}. `dispatch` false means the value only waits for the submit.
 * Returns null for an element it does not know; blocks.js then says so.
 */
export function element(el, blockId, ctx, how = {}) {
  const known = { __proto__: null, button, workflow_button: button, icon_button: iconButton, feedback_buttons: feedbackButtons, overflow };
  if (known[el.type]) return known[el.type](el, blockId, ctx) ?? h("span", { hidden: true });
  const changed = (value, node) => {
    ctx.setValue(blockId, el.action_id, { type: el.type, ...value });
    if (how.dispatch !== false) act(el, blockId, ctx, value, node);
  };
  const full = { ...how, changed, current: ctx.getValue(blockId, el.action_id), blockId };
  // A value that is preselected counts as given, even if nobody touches it.
  full.initial = (value) => full.current ?? (ctx.setValue(blockId, el.action_id, { type: el.type, ...value }), value);
  full.remember = (value) => ctx.setValue(blockId, el.action_id, { type: el.type, ...value });
  if (isSelect(el.type)) return select(el, ctx, full);
  if (isInput(el.type)) return input(el, ctx, full);
  return null;
}
