// A safe subset of Markdown to DOM nodes, for `markdown` blocks: headings, emphasis, code, fences, lists,
// quotes, rules, links, tables. Raw HTML stays text. Images become links: the page asks no other host.
// Knows nothing of Slack's own markup except its mentions, which Slack may expand here too.

import { h, link, fragment } from "./dom.js";
import { emoji } from "./emoji.js";
import { mention, channelMention, broadcast } from "./mrkdwn.js";

const unescape = (text) => text.replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&amp;/g, "&");

const INLINE = new RegExp(
  [
    "\\\\([\\\\`*_{}\\[\\]()#+.!~|>-])",
    "(`+)(.+?)\\2",
    "(!?)\\[([^\\[\\]]*)\\]\\(\\s*<?([^\\s<>()]+(?:\\([^\\s()]*\\))?)>?(?:\\s+\"[^\"]*\")?\\s*\\)",
    "<([@#!][A-Za-z0-9^]+)(?:\\|[^<>]*)?>",
    "<?(https?:\\/\\/[^\\s<>\"']*[^\\s<>\"'.,;:!?)\\]}*_])>?",
    ":([a-z0-9_+'-]+):",
    "\\*\\*(?!\\s)(.+?)(?<!\\s)\\*\\*(?!\\*)",
    "(?<!\\w)__(?!\\s)(.+?)(?<!\\s)__(?!\\w)",
    "\\*(?![\\s*])(.+?)(?<![\\s*])\\*(?!\\*)",
    "(?<!\\w)_(?![\\s_])(.+?)(?<![\\s_])_(?!\\w)",
    "~~(?!\\s)(.+?)(?<!\\s)~~",
  ].join("|"),
  "gs",
);

export function inlineMarkdown(text, ctx, depth = 0) {
  const out = [];
  let last = 0;
  const plain = (part) =>
    part.split("\n").forEach((line, i) => out.push(i ? h("br") : null, unescape(line)));
  for (const m of depth > 6 ? [] : text.matchAll(INLINE)) {
    const [all, escaped, , code, image, label, href, slack, url, emo, b1, b2, i1, i2, strike] = m;
    if (emo && !emoji(emo)) continue;
    if (m.index > last) plain(text.slice(last, m.index));
    const deeper = (part) => inlineMarkdown(part, ctx, depth + 1);
    if (escaped) out.push(escaped);
    else if (code !== undefined) out.push(h("code", {}, unescape(code.trim() || code)));
    else if (href !== undefined) {
      const target = unescape(href);
      out.push(link(target, image ? `Image: ${label || target}` : label ? deeper(label) : target));
    } else if (slack) out.push(slackToken(slack, ctx));
    else if (url) out.push(link(unescape(url), unescape(url)));
    else if (emo) out.push(h("span", { class: "emoji", role: "img", "aria-label": emo }, emoji(emo)));
    else if (b1 ?? b2) out.push(h("strong", {}, deeper(b1 ?? b2)));
    else if (i1 ?? i2) out.push(h("em", {}, deeper(i1 ?? i2)));
    else out.push(h("s", {}, deeper(strike)));
    last = m.index + all.length;
  }
  if (last < text.length) plain(text.slice(last));
  return out;
}

function slackToken(body, ctx) {
  const rest = body.slice(1);
  if (body[0] === "@") return mention(rest, ctx);
  if (body[0] === "#") return channelMention(rest, ctx);
  return broadcast(rest);
}

const cells = (line) =>
  line.trim().replace(/^\||\|$/g, "").split(/(?<!\\)\|/).map((cell) => cell.trim().replace(/\\\|/g, "|"));
const isRule = (line) => /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/.test(line) && line.includes("-");
const LIST = /^(\s*)([-*+]|\d{1,9}[.)])\s+(.*)$/;

function table(rows, ctx) {
  const align = cells(rows[1]).map((c) =>
    c.startsWith(":") && c.endsWith(":") ? "center" : c.endsWith(":") ? "right" : "left");
  const row = (line, tag) =>
    h("tr", {}, cells(line).map((c, i) =>
      h(tag, { class: `align-${align[i] ?? "left"}`, scope: tag === "th" ? "col" : null }, inlineMarkdown(c, ctx))));
  return h("div", { class: "table-wrap", tabindex: "0", role: "group", "aria-label": "Table" },
    h("table", {}, h("thead", {}, row(rows[0], "th")), h("tbody", {}, rows.slice(2).map((r) => row(r, "td")))));
}

function list(items, ctx) {
  const ordered = /\d/.test(items[0].mark);
  const base = items[0].indent;
  const out = h(ordered ? "ol" : "ul", ordered ? { start: parseInt(items[0].mark, 10) } : {});
  for (let i = 0; i < items.length; i++) {
    const inner = [];
    const item = items[i];
    while (i + 1 < items.length && items[i + 1].indent > base + 1) inner.push(items[++i]);
    const task = item.text.match(/^\[([ xX])\]\s+(.*)$/s);
    const words = inlineMarkdown(task ? task[2] : item.text, ctx);
    const box = task && h("input", {
      type: "checkbox", disabled: true, checked: task[1] !== " ", "aria-label": task[1] === " " ? "not done" : "done" });
    out.append(h("li", { class: task ? "task-item" : null }, box, words, inner.length ? list(inner, ctx) : null));
  }
  return out;
}

export function markdown(text, ctx, depth = 0) {
  const src = String(text ?? "").replace(/\r\n?/g, "\n").split("\n");
  const out = [];
  let i = 0;
  // Whatever level the text begins with, its headings sit right under the page's own h1 and h2.
  const highest = Math.min(6, ...src.map((line) => line.match(/^\s{0,3}(#{1,6})\s/)?.[1].length ?? 6));
  const startsBlock = (line, next = "") =>
    /^\s*(```|~~~|#{1,6}\s|(>|&gt;)|([-*_]\s*){3,}$)/.test(line) || LIST.test(line) ||
    (line.includes("|") && isRule(next) && next.includes("|"));
  while (i < src.length) {
    const line = src[i];
    const fence = line.match(/^\s*(```+|~~~+)\s*(\S*)/);
    const heading = line.match(/^\s{0,3}(#{1,6})\s+(.*?)\s*#*\s*$/);
    if (!line.trim()) i++;
    else if (fence) {
      const body = [];
      for (i++; i < src.length && !src[i].trim().startsWith(fence[1]); i++) body.push(src[i]);
      i++;
      out.push(h("pre", {}, h("code", {}, unescape(body.join("\n")))));
    } else if (heading) {
      const level = Math.min(3 + heading[1].length - highest, 6);
      out.push(h(`h${level}`, { class: `md-h${heading[1].length}` }, inlineMarkdown(heading[2], ctx)));
      i++;
    } else if (/^\s*([-*_]\s*){3,}$/.test(line)) {
      out.push(h("hr"));
      i++;
    } else if (/^\s*(>|&gt;)/.test(line)) {
      const body = [];
      for (; i < src.length && /^\s*(>|&gt;)/.test(src[i]); i++) body.push(src[i].replace(/^\s*(>|&gt;) ?/, ""));
      out.push(h("blockquote", {}, depth < 5 ? markdown(body.join("\n"), ctx, depth + 1) : body.join("\n")));
    } else if (line.includes("|") && isRule(src[i + 1] ?? "") && src[i + 1].includes("|")) {
      const rows = [];
      for (; i < src.length && src[i].includes("|"); i++) rows.push(src[i]);
      out.push(table(rows, ctx));
    } else if (LIST.test(line)) {
      const items = [];
      const ordered = /\d/.test(line.match(LIST)[2]);
      for (; i < src.length; i++) {
        const m = src[i].match(LIST);
        if (m && !(m[1].length <= items[0]?.indent && /\d/.test(m[2]) !== ordered)) {
          items.push({ indent: m[1].replace(/\t/g, "    ").length, mark: m[2], text: m[3] });
        } else if (!m && src[i].trim() && /^\s{2,}/.test(src[i])) items.at(-1).text += `\n${src[i].trim()}`;
        else if (!m && !src[i].trim() && LIST.test(src[i + 1] ?? "")) continue;
        else break;
      }
      out.push(list(items, ctx));
    } else {
      const body = [line];
      for (i++; i < src.length && src[i].trim() && !startsBlock(src[i], src[i + 1]); i++) body.push(src[i]);
      out.push(h("p", {}, inlineMarkdown(body.join("\n"), ctx)));
    }
  }
  return fragment(out);
}
