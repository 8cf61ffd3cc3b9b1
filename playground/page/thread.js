// The thread pane: a root, its replies, a composer. Knows nothing of loading; it draws what the store has.

import { h, fill, icon } from "./dom.js";
import { composer } from "./composer.js";
import { statusLine } from "./status.js";
import { timeline } from "./timeline.js";

export function threadPane(store, el, { ops, onclose }) {
  const where = h("span", { class: "muted" });
  const close = h("button", { type: "button", class: "tool", "aria-label": "Close the thread", onclick: () => onclose() }, icon("close"));
  const place = () => ({ channel: store.place.channel, thread: store.place.thread });
  const scroller = h("div", { class: "scroller" });
  const line = timeline(scroller, store, ops, { inThread: true });
  const write = composer(store, { testid: "thread-composer", inThread: true, place, describe });
  fill(el, h("header", { class: "pane-head" }, h("h2", {}, "Thread"), where, close), scroller, statusLine(store, place), write.el);
  let shown = null;

  function describe() {
    const channel = store.channel(store.place.channel);
    let refuse = null;
    if (channel?.is_archived) refuse = "This channel is archived.";
    else if (channel && !store.isMember(channel)) refuse = `${store.nameOf(store.me)} is not in this channel.`;
    return { label: "Reply in thread", placeholder: "Reply in this thread", refuse };
  }

  function drawMessages() {
    const { channel, thread } = store.place;
    if (!thread) return;
    const key = `${channel}/${thread}`;
    if (shown !== key) {
      line.reset();
      shown = key;
      line.list.setAttribute("aria-label", "Messages in this thread");
    }
    line.update(store.replies(channel, thread), { channel });
  }

  function draw() {
    const { channel, thread } = store.place;
    el.hidden = !thread;
    if (!thread) {
      shown = null;
      return;
    }
    const room = store.channel(channel);
    where.textContent = room?.is_im ? store.botName : `#${room?.name ?? channel}`;
    write.refresh();
    drawMessages();
  }

  store.on("place", draw);
  store.on("workspace", () => write.refresh());
  store.on("thread", ({ channel, ts }) => {
    if (channel === store.place.channel && ts === store.place.thread) drawMessages();
  });
  return { draw, focus: write.focus, redraw() { shown = null; draw(); } };
}
