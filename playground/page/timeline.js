// A list of messages that changes under the reader's eyes without moving what they look at: only what
// differs is drawn anew, focus stays, and it follows the newest message only while the reader is at the end.
// Knows nothing of where the messages come from.

import { h } from "./dom.js";
import { jsonDisclosure } from "./blocks.js";
import { messageView } from "./message.js";

const GROUP_SECONDS = 300;

function dayOf(ts) {
  const date = new Date(Number(ts) * 1000);
  const today = new Date();
  const yesterday = new Date(Date.now() - 86_400_000);
  if (date.toDateString() === today.toDateString()) return "Today";
  if (date.toDateString() === yesterday.toDateString()) return "Yesterday";
  return date.toLocaleDateString(undefined, { weekday: "long", day: "numeric", month: "long" });
}

const sameAuthor = (a, b) =>
  a && !a.reply_count && !a.subtype && !b.subtype && !a.is_ephemeral && a.user === b.user && a.bot_id === b.bot_id && a.username === b.username
  && a.icons?.emoji === b.icons?.emoji && Number(b.ts) - Number(a.ts) < GROUP_SECONDS;

/** Takes the scrolling element; returns {update(messages, extra), reset(), toEnd()}. */
export function timeline(scroller, store, ops, { inThread = false } = {}) {
  const list = h("div", { class: "timeline", role: "feed", "aria-busy": "false" });
  const jump = h("button", { type: "button", class: "jump", hidden: true, onclick: () => toEnd() }, "New messages below");
  scroller.append(list, jump);
  let drawn = new Map(); // key -> {print, node}

  const atEnd = () => scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 80;
  const toEnd = () => { scroller.scrollTop = scroller.scrollHeight; jump.hidden = true; };
  // What loads late (an image) or a pane that shrinks must not push the newest message out of sight.
  let following = true;
  scroller.addEventListener("scroll", () => {
    following = atEnd();
    if (following) jump.hidden = true;
  }, { passive: true });
  const watch = new ResizeObserver(() => { if (following) toEnd(); });
  watch.observe(list);
  watch.observe(scroller);

  list.addEventListener("keydown", (event) => {
    const here = event.target.closest?.(".message");
    if (event.target !== here || !["ArrowUp", "ArrowDown", "Home", "End"].includes(event.key)) return;
    const all = [...list.querySelectorAll(".message")];
    const at = all.indexOf(here);
    const to = { ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: all.length - 1 }[event.key];
    if (!all[to]) return;
    event.preventDefault();
    all[to].focus();
  });

  /** One message that cannot be drawn must not take the others with it. */
  function safely(message, how) {
    try {
      return messageView(message, store, ops, how);
    } catch (error) {
      console.error("A message could not be drawn", message, error);
      return h("article", { class: "message message-quiet", tabindex: "0", dataset: { testid: "message", ts: message.ts } },
        h("div"), h("div", { class: "text" }, jsonDisclosure("This message could not be drawn", message)));
    }
  }

  function wanted(messages, channel) {
    const out = [];
    let day = null;
    let before = null;
    messages.forEach((message, i) => {
      const today = dayOf(message.ts);
      if (today !== day && !inThread) {
        out.push({ key: `day/${today}`, print: today, draw: () => h("div", { class: "day" }, h("span", {}, today)) });
        before = null;
      }
      day = today;
      const compact = sameAuthor(before, message) && !(inThread && i === 1);
      const key = `${channel}/${message.ts}${message.is_ephemeral ? "/e" : ""}`;
      out.push({ key, print: `${compact}${JSON.stringify(message)}`,
        draw: () => safely(message, { compact, inThread, channel }) });
      const n = inThread && i === 0 ? messages.filter((m) => !m.is_ephemeral).length - 1 : 0;
      if (n > 0) {
        out.push({ key: "root-line", print: String(n), draw: () => h("div", { class: "day day-thread" },
          h("span", {}, n === 1 ? "1 reply" : `${n} replies`)) });
      }
      before = message;
    });
    return out;
  }

  function update(messages, { channel } = {}) {
    const stick = following;
    list.hidden = messages.length === 0;
    const known = drawn.size;
    const next = new Map();
    let added = false;
    let cursor = list.firstChild;
    for (const item of wanted(messages, channel)) {
      const old = drawn.get(item.key);
      let node = old?.node;
      if (!old || old.print !== item.print) {
        node = item.draw();
        if (old) replace(old.node, node, () => (cursor = cursor === old.node ? node : cursor));
        else added = true;
      }
      next.set(item.key, { print: item.print, node });
      if (node === cursor) cursor = cursor.nextSibling;
      else list.insertBefore(node, cursor);
    }
    for (const [key, { node }] of drawn) if (!next.has(key)) node.remove();
    drawn = next;
    if (stick || !known) toEnd();
    else if (added) jump.hidden = false;
  }

  function replace(old, node, after) {
    const focused = old.contains(document.activeElement) ? document.activeElement : null;
    old.replaceWith(node);
    after();
    if (!focused) return;
    const name = focused.dataset?.focus;
    (name && node.querySelector(`[data-focus="${CSS.escape(name)}"]`) || node).focus({ preventScroll: true });
  }

  function reset() {
    drawn = new Map();
    list.replaceChildren();
    jump.hidden = true;
    following = true;
  }

  return { list, update, reset, toEnd };
}
