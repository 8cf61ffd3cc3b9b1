// The middle of the page: a channel's messages and its composer, or the bot's Home.
// Knows nothing of loading; it draws what the store has.

import { h, fill, icon } from "./dom.js";
import { composer } from "./composer.js";
import { statusLine } from "./status.js";
import { timeline } from "./timeline.js";

export function channelPane(store, el, { ops, home, onExample }) {
  const head = h("header", { class: "pane-head" });
  const welcome = h("div", { class: "welcome", hidden: true });
  const scroller = h("div", { class: "scroller" }, h("h2", { class: "visually-hidden" }, "Messages"), welcome);
  const line = timeline(scroller, store, ops);
  const status = statusLine(store, () => ({ channel: store.place.channel, thread: null }));
  const write = composer(store, {
    testid: "composer", place: () => ({ channel: store.place.channel, thread: null }), describe, onExample,
  });
  const room = h("div", { class: "room" }, scroller, status, write.el);
  fill(el, head, room, home.el);
  let shown = null;

  const here = () => store.channel(store.place.channel);
  const nameOf = (channel) => (channel?.is_im ? store.botName : `#${channel?.name ?? store.place.channel}`);

  function describe() {
    const channel = here();
    const name = nameOf(channel);
    let refuse = null;
    if (!channel) refuse = "This conversation does not exist here.";
    else if (channel.is_archived) refuse = `${name} is archived.`;
    else if (!store.isMember(channel)) refuse = `${store.nameOf(store.me)} is not in ${name}, so they can read but not write.`;
    return {
      label: `Message ${name}`, refuse,
      placeholder: channel?.is_im ? `Ask ${name} for something` : `Message ${name}. Mention @${store.botName} to ask for something`,
    };
  }

  function drawHead() {
    const channel = here();
    const isApp = store.place.home || channel?.is_im;
    const tab = (label, href, on) => h("a", { class: "tab", href, "aria-current": on ? "page" : null }, label);
    const topic = channel?.topic?.value ?? channel?.topic;
    const away = channel && !channel.is_im && channel.members && !channel.members.includes(store.workspace.bot_user);
    fill(head,
      h("h1", {}, isApp ? [store.botName, h("span", { class: "badge" }, "APP")] : [icon("hash"), channel?.name ?? "…"]),
      isApp ? h("nav", { class: "tabs", "aria-label": store.botName },
        store.dm ? tab("Messages", `#/${store.dm.id}`, !store.place.home) : null, tab("Home", "#/home", store.place.home)) : null,
      !isApp && typeof topic === "string" ? h("p", { class: "pane-note" }, topic) : null,
      !isApp && away ? h("p", { class: "pane-note warn" }, `${store.botName} is not in this channel.`) : null);
  }

  function drawMessages() {
    const { channel, home: atHome } = store.place;
    if (atHome || !channel) return;
    const messages = store.roots(channel);
    if (shown !== channel) {
      line.reset();
      shown = channel;
      line.list.setAttribute("aria-label", `Messages in ${nameOf(here())}`);
    }
    welcome.hidden = messages.length > 0 || !store.rooms.has(channel);
    if (!welcome.hidden) {
      const isDm = here()?.is_im;
      fill(welcome, h("h2", {}, isDm ? `This is where you talk to ${store.botName}` : `This is the start of ${nameOf(here())}`),
        h("p", {}, isDm ? "Write what you need; no mention is necessary here. " : `Mention @${store.botName} with a request, or type /. `,
          !describe().refuse && store.workspace.examples?.length ? "The examples below can be sent as they are." : ""));
    }
    line.update(messages, { channel });
  }

  function draw() {
    drawHead();
    room.hidden = store.place.home;
    home.el.hidden = !store.place.home;
    write.refresh();
    drawMessages();
  }

  store.on("place", draw);
  store.on("workspace", () => {
    drawHead();
    write.refresh();
  });
  store.on("messages", ({ channel }) => { if (channel === store.place.channel) drawMessages(); });
  return { draw, focus: write.focus, set: write.set, redraw() { shown = null; draw(); } };
}
