// Slack's message markup ("mrkdwn") to DOM nodes. Text arrives as Slack sends it: & < > escaped, and
// anything in raw <angle brackets> is a token (a link, a mention, a date).
// Knows nothing of Markdown (markdown.js) or blocks; names of people come from `ctx`.

import { h, link, fragment } from "./dom.js";
import { emoji } from "./emoji.js";

const unescape = (text) => text.replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&amp;/g, "&");

export function mention(id, ctx, label) {
  const user = ctx.user(id);
  const name = user?.real_name || user?.name || label || id;
  return h("span", { class: id === ctx.me ? "mention mention-me" : "mention" }, `@${name}`);
}

export function channelMention(id, ctx, label) {
  const name = ctx.channel(id)?.name || label || id;
  return h("a", { class: "mention", href: `#/${encodeURIComponent(id)}` }, `#${name}`);
}

export function broadcast(range) {
  return h("span", { class: "mention mention-me" }, `@${range}`);
}

/** Fills Slack's date placeholders; the fallback when the time makes no sense. */
export function dateText(seconds, format, fallback) {
  const date = new Date(Number(seconds) * 1000);
  if (Number.isNaN(date.getTime())) return fallback || String(seconds);
  const day = (options) => date.toLocaleDateString(undefined, options);
  const time = (options) => date.toLocaleTimeString(undefined, options);
  const long = { year: "numeric", month: "long", day: "numeric" };
  const short = { year: "numeric", month: "short", day: "numeric" };
  const values = {
    date_num: date.toISOString().slice(0, 10),
    date: day(long), date_pretty: day(long),
    date_short: day(short), date_short_pretty: day(short),
    date_long: day({ ...long, weekday: "long" }), date_long_pretty: day({ ...long, weekday: "long" }),
    time: time({ hour: "2-digit", minute: "2-digit" }),
    time_secs: time({ hour: "2-digit", minute: "2-digit", second: "2-digit" }),
    ago: date.toLocaleString(),
  };
  return String(format).replace(/\{(\w+)\}/g, (all, key) => values[key] ?? all);
}

function token(body, ctx) {
  const bar = body.indexOf("|");
  const target = bar < 0 ? body : body.slice(0, bar);
  const label = bar < 0 ? "" : unescape(body.slice(bar + 1));
  if (target.startsWith("@")) return mention(target.slice(1), ctx, label);
  if (target.startsWith("#")) return channelMention(target.slice(1), ctx, label);
  if (target.startsWith("!date^")) {
    const [, seconds, format, url] = target.split("^");
    const text = dateText(seconds, format, label);
    return url ? link(unescape(url), text) : h("time", { title: label }, text);
  }
  if (target.startsWith("!subteam^")) return h("span", { class: "mention" }, label || "@group");
  if (target.startsWith("!")) return broadcast(label || target.slice(1));
  const url = unescape(target);
  return link(url, label || url.replace(/^mailto:/, ""));
}

// One alternative a line: code, token, emoji, bare address, then *bold* _italic_ ~strike~ whose marks
// hug their text and stand at a word's edge, as Slack asks.
const INLINE = new RegExp(
  [
    "`([^`\\n]+)`",
    "<([^<>\\n]+)>",
    ":([a-z0-9_+'-]+(?:::skin-tone-\\d)?):",
    "(https?:\\/\\/[^\\s<>\"']*[^\\s<>\"'.,;:!?)\\]}])",
    "(?<![\\w*])\\*(?![\\s*])([^*\\n]*[^\\s*])\\*(?![\\w*])",
    "(?<![\\w_])_(?![\\s_])([^\\n]*?[^\\s_])_(?![\\w_])",
    "(?<![\\w~])~(?![\\s~])([^~\\n]*[^\\s~])~(?![\\w~])",
  ].join("|"),
  "g",
);

function inline(text, ctx, depth = 0) {
  const nodes = [];
  let last = 0;
  const plain = (part) =>
    part.split("\n").forEach((line, i) => nodes.push(i ? h("br") : null, unescape(line)));
  for (const m of depth > 6 ? [] : text.matchAll(INLINE)) {
    const [all, code, tok, emo, url, bold, italic, strike] = m;
    const char = emo && emoji(emo);
    if (emo && !char) continue;
    if (m.index > last) plain(text.slice(last, m.index));
    if (code !== undefined) nodes.push(h("code", {}, unescape(code)));
    else if (tok !== undefined) nodes.push(token(tok, ctx));
    else if (char) nodes.push(h("span", { class: "emoji", role: "img", "aria-label": emo, title: `:${emo}:` }, char));
    else if (url) nodes.push(link(unescape(url), unescape(url)));
    else if (bold !== undefined) nodes.push(h("strong", {}, inline(bold, ctx, depth + 1)));
    else if (italic !== undefined) nodes.push(h("em", {}, inline(italic, ctx, depth + 1)));
    else nodes.push(h("s", {}, inline(strike, ctx, depth + 1)));
    last = m.index + all.length;
  }
  if (last < text.length) plain(text.slice(last));
  return nodes;
}

function lines(text, ctx) {
  const out = [];
  let quoted = [];
  let normal = [];
  const flush = () => {
    if (quoted.length) out.push(h("blockquote", {}, inline(quoted.join("\n"), ctx)));
    if (normal.length) out.push(...inline(normal.join("\n"), ctx));
    quoted = [];
    normal = [];
  };
  for (const line of text.split("\n")) {
    const quote = line.match(/^(?:&gt;|>) ?(.*)$/);
    if (quote ? normal.length : quoted.length) flush();
    if (quote) quoted.push(quote[1]);
    else normal.push(line);
  }
  flush();
  return out;
}

export function mrkdwn(text, ctx) {
  const parts = String(text ?? "").split(/```\n?([\s\S]*?)\n?```\n?/);
  return fragment(
    parts.map((part, i) => (i % 2 ? h("pre", {}, h("code", {}, unescape(part))) : part && lines(part, ctx))),
  );
}

/** plain_text: emoji and line breaks, no markup. */
export function plainText(text, ctx, withEmoji = true) {
  const source = String(text ?? "");
  const shown = withEmoji ? source.replace(/:([a-z0-9_+'-]+):/g, (all, name) => emoji(name) ?? all) : source;
  return fragment(shown.split("\n").map((line, i) => [i ? h("br") : null, line]));
}

/** A Slack text object of either type. */
export function textObject(object, ctx) {
  if (!object) return fragment();
  if (typeof object === "string") return mrkdwn(object, ctx);
  return object.type === "mrkdwn" ? mrkdwn(object.text, ctx) : plainText(object.text, ctx, object.emoji !== false);
}

/** Words alone, for labels and announcements. */
export const wordsOf = (text, ctx) => mrkdwn(text, ctx).textContent.replace(/\s+/g, " ").trim();
