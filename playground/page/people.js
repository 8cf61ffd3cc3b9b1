// Faces and names: an avatar from initials or an emoji, who wrote a message, what someone may do.
// Knows nothing of where they are shown.

import { h } from "./dom.js";
import { emoji } from "./emoji.js";

const initials = (name) =>
  name.replace(/\(.*?\)/g, "").split(/\s+/).filter(Boolean).slice(0, 2).map((w) => w[0].toUpperCase()).join("") || "?";

/** Decoration only: the name stands beside it. */
export function avatar({ name, char, color, isApp }, size = "") {
  const look = ["avatar", size, isApp ? "avatar-app" : "", char ? "avatar-emoji" : ""].filter(Boolean).join(" ");
  const style = /^[0-9a-f]{6}$/i.test(color ?? "") ? { "--person": `#${color}` } : {};
  return h("span", { class: look, style, "aria-hidden": "true" }, char ?? initials(name));
}

/** Who a message shows as its author; a bot may give itself another name and icon for one message. */
export function author(message, store) {
  const user = store.user(message.user);
  const isApp = Boolean(message.bot_id || user?.is_bot);
  const name = message.username || user?.real_name || user?.name
    || (message.bot_id ? store.botName : message.user === "USLACKBOT" ? "Playground" : message.user || "Someone");
  const icon = message.icons?.emoji ?? message.icon_emoji;
  return { name, isApp, char: icon ? emoji(icon) : undefined, color: user?.color ?? (isApp ? store.bot.color : null) };
}

export function roleOf(user) {
  if (user?.is_bot) return "app";
  if (user?.is_owner || user?.is_primary_owner) return "owner";
  if (user?.is_admin) return "admin";
  if (user?.is_restricted || user?.is_ultra_restricted) return "guest";
  return "member";
}
