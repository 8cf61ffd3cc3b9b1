// The list of places: channels, the bot's direct messages, its Home. And the switch of who is writing.
// Knows nothing of messages; a place is a link, app.js follows the address.

import { h, fill, icon } from "./dom.js";
import { avatar, roleOf } from "./people.js";

export const placeLink = ({ channel, thread, home }) =>
  home ? "#/home" : `#/${encodeURIComponent(channel ?? "")}${thread ? `/${encodeURIComponent(thread)}` : ""}`;

function place(store, channel, glyph, label) {
  const current = !store.place.home && store.place.channel === channel.id;
  const unread = current ? 0 : store.unread.get(channel.id) ?? 0;
  return h("li", {}, h("a", {
    class: unread ? "place place-unread" : "place", href: placeLink({ channel: channel.id }),
    "aria-current": current ? "page" : null, dataset: { testid: "channel", channel: channel.id },
  }, icon(glyph), h("span", { class: "place-name" }, label),
  unread ? h("span", { class: "unread" }, String(unread), h("span", { class: "visually-hidden" }, " new")) : null));
}

export function sidebar(store, el) {
  function draw() {
    const channels = store.workspace.channels.filter((c) => !c.is_im);
    const glyph = (c) => (c.is_archived ? "file" : c.is_private ? "lock" : "hash");
    const mine = channels.filter((c) => store.isMember(c));
    const others = channels.filter((c) => !store.isMember(c) && !c.is_private);
    const dm = store.dm;
    fill(el,
      h("h2", {}, "Channels"),
      h("ul", { class: "places" }, mine.map((c) => place(store, c, glyph(c), c.name))),
      others.length ? [h("h2", {}, "Not a member"), h("ul", { class: "places places-faint" }, others.map((c) => place(store, c, glyph(c), c.name)))] : null,
      h("h2", {}, store.botName),
      h("ul", { class: "places" },
        dm ? place(store, dm, "chat", "Messages") : null,
        h("li", {}, h("a", { class: "place", href: "#/home", "aria-current": store.place.home ? "page" : null, dataset: { testid: "home-link" } },
          icon("home"), h("span", { class: "place-name" }, "App Home")))),
      h("p", { class: "dev-note" }, "Playground: a local stand-in for Slack, for development."));
  }
  for (const topic of ["workspace", "place", "unread"]) store.on(topic, draw);
  return { draw };
}

/** Who is writing: always in sight, because everything one does is done as this person. */
export function personSwitch(store, onpick) {
  const face = h("span", { class: "switch-face" });
  const node = h("select", { class: "select", id: "person-switch", dataset: { testid: "person-switch" }, onchange: () => onpick(node.value) });
  const draw = () => {
    const people = store.workspace.users.filter((u) => !u.is_bot);
    fill(node, people.map((u) => {
      const role = roleOf(u);
      return h("option", { value: u.id, selected: u.id === store.me },
        `${u.real_name || u.name}${role === "member" || u.real_name?.includes(`(${role})`) ? "" : ` (${role})`}`);
    }));
    node.value = store.me ?? "";
    const me = store.user(store.me);
    fill(face, me ? avatar({ name: me.real_name || me.name, color: me.color }, "avatar-small") : null);
  };
  store.on("workspace", draw);
  store.on("me", draw);
  return h("div", { class: "switch" }, face, h("label", { for: "person-switch" }, "Writing as"), node);
}
