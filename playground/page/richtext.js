// `rich_text` blocks to DOM nodes: sections, lists, quotes, preformatted text and what stands in them.
// Its text needs no unescaping. Knows nothing of other blocks; an element it does not know shows its text.

import { h, link, fragment } from "./dom.js";
import { emoji, emojiText } from "./emoji.js";
import { mention, channelMention, broadcast, dateText } from "./mrkdwn.js";

function styled(node, style = {}) {
  let out = node;
  if (style.code) out = h("code", {}, out);
  if (style.bold) out = h("strong", {}, out);
  if (style.italic) out = h("em", {}, out);
  if (style.strike) out = h("s", {}, out);
  if (style.underline) out = h("u", {}, out);
  return out;
}

const broken = (text) => fragment(String(text ?? "").split("\n").map((line, i) => [i ? h("br") : null, line]));

function leaf(el, ctx) {
  switch (el.type) {
    case "text": return styled(broken(el.text), el.style);
    case "link": return styled(link(el.url, el.text || el.url), el.style);
    case "emoji": {
      const char = el.unicode ? fromUnicode(el.unicode) : emoji(el.name);
      return h("span", { class: "emoji", role: "img", "aria-label": el.name, title: `:${el.name}:` }, char ?? emojiText(el.name));
    }
    case "user": return styled(mention(el.user_id, ctx), el.style);
    case "channel": return styled(channelMention(el.channel_id, ctx), el.style);
    case "usergroup": return h("span", { class: "mention" }, "@group");
    case "broadcast": return broadcast(el.range);
    case "date": return h("time", { title: el.fallback }, dateText(el.timestamp, el.format, el.fallback));
    case "color": return h("code", {}, el.value);
    default: return el.text ? broken(el.text) : null;
  }
}

function fromUnicode(codes) {
  try {
    return String.fromCodePoint(...codes.split("-").map((c) => parseInt(c, 16)));
  } catch {
    return null;
  }
}

const leaves = (el, ctx) => (el.elements ?? []).map((child) => leaf(child, ctx));
const rawText = (el) => (el.elements ?? []).map((c) => c.text ?? c.url ?? "").join("");

/** Consecutive lists with growing `indent` are one nested list. */
function lists(run, ctx) {
  const root = fragment();
  const stack = []; // {indent, list}
  for (const el of run) {
    const indent = el.indent ?? 0;
    while (stack.length && stack.at(-1).indent > indent) stack.pop();
    let top = stack.at(-1);
    const tag = el.style === "ordered" ? "ol" : "ul";
    if (!top || top.indent < indent || top.list.localName !== tag) {
      if (top && top.indent === indent) stack.pop();
      const list = h(tag, tag === "ol" && el.offset ? { start: el.offset + 1 } : {});
      const parent = stack.at(-1)?.list.lastElementChild ?? root;
      parent.append(list);
      top = { indent, list };
      stack.push(top);
    }
    for (const item of el.elements ?? []) top.list.append(h("li", {}, leaves(item, ctx)));
  }
  return root;
}

export function richText(block, ctx) {
  const out = [];
  const elements = block?.elements ?? [];
  for (let i = 0; i < elements.length; i++) {
    const el = elements[i];
    if (el.type === "rich_text_list") {
      const run = [el];
      while (elements[i + 1]?.type === "rich_text_list") run.push(elements[++i]);
      out.push(lists(run, ctx));
    } else if (el.type === "rich_text_quote") out.push(h("blockquote", {}, leaves(el, ctx)));
    else if (el.type === "rich_text_preformatted") out.push(h("pre", {}, h("code", {}, rawText(el))));
    else out.push(h("div", { class: "rich-section" }, leaves(el, ctx)));
  }
  return fragment(out);
}

/** A `rich_text` object, a text object or a string: where Slack's documentation wavers. */
export function richOrPlain(value, ctx, textObject) {
  if (!value) return null;
  if (value.type === "rich_text") return richText(value, ctx);
  return textObject(value, ctx);
}
