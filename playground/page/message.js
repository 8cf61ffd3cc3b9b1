// One message: who, when, its blocks or text, files, reactions, how many replies, and what can be done with it.
// Knows nothing of the list it stands in; `ops` does what a person asks for.

import { h, icon, ownUrl, uid } from "./dom.js";
import { blocks } from "./blocks.js";
import { contextFor } from "./context.js";
import { QUICK, emojiText, findEmoji } from "./emoji.js";
import { mrkdwn } from "./mrkdwn.js";
import { author, avatar } from "./people.js";
import { ask, openMenu, openPopover } from "./popover.js";

const when = (ts) => new Date(Number(ts) * 1000);
export const clock = (ts) => when(ts).toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit" });

const edited = (message) => (message.edited ? h("span", { class: "edited" }, " (edited)") : null);

/** A person's message is shown from its text: the block beside it holds the same words without their marks. */
function body(message, ctx) {
  const typed = !message.bot_id && message.client_msg_id;
  if (message.blocks?.length && !typed) return h("div", { class: "blocks" }, blocks(message.blocks, ctx), edited(message));
  return message.text ? h("div", { class: "text" }, mrkdwn(message.text, ctx), edited(message)) : edited(message);
}

function attachment(spec, ctx) {
  return h("div", { class: "attachment" },
    spec.pretext ? h("div", { class: "text" }, mrkdwn(spec.pretext, ctx)) : null,
    h("div", { class: "attachment-body" },
      spec.title ? h("strong", { class: "text" }, mrkdwn(spec.title, ctx)) : null,
      spec.blocks ? blocks(spec.blocks, ctx) : h("div", { class: "text" }, mrkdwn(spec.text || spec.fallback, ctx)),
      (spec.fields ?? []).map((f) => h("div", { class: "text" }, h("strong", {}, f.title), " ", mrkdwn(f.value, ctx)))));
}

function size(bytes) {
  if (!bytes && bytes !== 0) return "";
  if (bytes < 1024) return `${bytes} bytes`;
  return bytes < 1024 ** 2 ? `${(bytes / 1024).toFixed(0)} KB` : `${(bytes / 1024 ** 2).toFixed(1)} MB`;
}

export function fileCard(file) {
  const name = file.name || file.title || "file";
  const url = `/files/${encodeURIComponent(file.id)}/${encodeURIComponent(name)}`;
  const download = h("a", { class: "file-link", href: url, download: name },
    icon("file"), h("span", { class: "visually-hidden" }, "Download "), h("span", { class: "file-name" }, file.title || name),
    h("small", {}, [size(file.size), file.mimetype].filter(Boolean).join(", ")), icon("down"));
  const drawn = /^image\/(png|jpe?g|gif|webp|avif|bmp)$/.test(file.mimetype ?? "") && ownUrl(url);
  return h("figure", { class: "file", dataset: { testid: "file" } },
    drawn ? h("a", { href: url, target: "_blank", rel: "noopener noreferrer", "aria-label": `Open ${name}` },
      h("img", { src: url, alt: file.alt_txt || name, loading: "lazy" })) : null,
    h("figcaption", {}, download));
}

function reactions(message, store, ops) {
  if (!message.reactions?.length) return null;
  return h("div", { class: "reactions", role: "group", "aria-label": "Reactions" }, message.reactions.map((r) => {
    const mine = r.users?.includes(store.me);
    const names = (r.users ?? []).map((id) => store.nameOf(id)).join(", ");
    return h("button", {
      type: "button", class: "reaction", "aria-pressed": String(Boolean(mine)), title: `${names}: ${r.name}`,
      "aria-label": `${r.name}, ${r.count ?? r.users?.length ?? 1}`, onclick: () => ops.react(message, r.name),
    }, emojiText(r.name), " ", String(r.count ?? r.users?.length ?? 1));
  }));
}

function emojiPicker(anchor, message, ops) {
  const pick = (name) => { close(); ops.react(message, name); };
  const item = ({ name, char }) =>
    h("button", { type: "button", class: "emoji-item", title: `:${name}:`, "aria-label": name, onclick: () => pick(name) }, char);
  const grid = h("div", { class: "emoji-grid" });
  const show = (typed) => grid.replaceChildren(...(typed ? findEmoji(typed, 24)
    : QUICK.map((name) => ({ name, char: emojiText(name) }))).map(item));
  const field = h("input", { class: "field", type: "search", placeholder: "Find an emoji", "aria-label": "Find an emoji",
    oninput: () => show(field.value.trim().toLowerCase()) });
  show("");
  const close = openPopover(anchor, h("div", { class: "emoji-picker" }, field, grid));
  field.focus();
}

function toolbar(message, store, ops, inThread) {
  if (message.is_ephemeral) {
    return h("div", { class: "message-tools" }, h("button", {
      type: "button", class: "tool", "aria-label": "Dismiss this message", onclick: () => ops.dismiss(message),
    }, icon("close")));
  }
  const react = h("button", { type: "button", class: "tool", "aria-label": "Add a reaction", "aria-expanded": "false",
    onclick: () => emojiPicker(react, message, ops) }, icon("smile"));
  const reply = inThread ? null : h("button", { type: "button", class: "tool", "aria-label": "Reply in thread",
    onclick: () => ops.openThread(message) }, icon("reply"));
  const mine = message.user === store.me && !message.bot_id;
  const items = [
    ...(store.workspace.shortcuts ?? []).map((s) => ({ label: s.name, note: store.botName, onpick: () => ops.shortcut(message, s) })),
    ...(mine ? [{ label: "Edit message", onpick: () => ops.edit(message) }] : []),
    { label: "Copy text", onpick: () => navigator.clipboard?.writeText(message.text ?? "") },
    ...(mine ? [{ label: "Delete message…", danger: true, onpick: async () => {
      if (await ask({ title: "Delete this message?", text: "It disappears for everyone.", yes: "Delete", danger: true })) ops.remove(message);
    } }] : []),
  ];
  const more = h("button", { type: "button", class: "tool", "aria-label": "More for this message", "aria-haspopup": "menu",
    "aria-expanded": "false", onclick: () => openMenu(more, items, "Message") }, icon("more"));
  return h("div", { class: "message-tools", role: "group", "aria-label": "Message" }, react, reply, more);
}

function replies(message, ops) {
  if (!message.reply_count) return null;
  const n = message.reply_count;
  return h("button", { type: "button", class: "reply-count", dataset: { testid: "reply-count", focus: "replies" },
    onclick: () => ops.openThread(message) },
    icon("chat"), h("strong", {}, n === 1 ? "1 reply" : `${n} replies`),
    message.latest_reply ? h("span", { class: "muted" }, `last at ${clock(message.latest_reply)}`) : null);
}

const QUIET = new Set(["channel_join", "channel_leave", "channel_archive", "channel_unarchive", "channel_topic", "tombstone"]);

export function messageView(message, store, ops, { compact = false, inThread = false, channel } = {}) {
  const ctx = contextFor(store, `${channel}/${message.ts}`, { channel, message_ts: message.ts });
  const who = author(message, store);
  const nameId = uid("by");
  const small = compact && !message.is_ephemeral;
  const time = h("time", { class: "time", datetime: when(message.ts).toISOString(), title: when(message.ts).toLocaleString() }, clock(message.ts));
  const quiet = QUIET.has(message.subtype);
  const head = h("div", { class: "message-head" },
    h("strong", { class: "author", id: nameId }, who.name),
    who.isApp ? h("span", { class: "badge" }, "APP") : null, time);
  return h("article", {
    class: ["message", small ? "message-compact" : "", message.is_ephemeral ? "message-ephemeral" : "", quiet ? "message-quiet" : ""].join(" ").trim(),
    tabindex: "0", "aria-labelledby": nameId, dataset: { testid: "message", ts: message.ts, author: who.name },
  },
  h("div", { class: "message-side" }, small ? time.cloneNode(true) : avatar(who)),
  h("div", { class: "message-main" },
    message.is_ephemeral ? h("div", { class: "ephemeral-mark" }, "Only visible to you") : null,
    head,
    body(message, ctx),
    (message.attachments ?? []).map((a) => attachment(a, ctx)),
    message.files?.length ? h("div", { class: "files" }, message.files.map(fileCard)) : null,
    reactions(message, store, ops),
    inThread ? null : replies(message, ops)),
  quiet ? null : toolbar(message, store, ops, inThread));
}
