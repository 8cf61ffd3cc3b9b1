// The App Home tab: one view, published by the bot for each person.
// Knows nothing of modals or messages.

import { h, fill } from "./dom.js";
import { get } from "./api.js";
import { blocks } from "./blocks.js";
import { contextFor } from "./context.js";

const CONTROLS = "[data-focus]";

export function homeTab(store) {
  const body = h("div", { class: "home-body" });
  const el = h("div", { class: "home", dataset: { testid: "home" } }, body);
  let asked = 0;

  function draw() {
    const view = store.home;
    if (!view?.blocks?.length) {
      fill(body, h("p", { class: "empty" }, store.workspace.app_connected
        ? `${store.botName} has not published a Home for ${store.nameOf(store.me)} yet.`
        : "The bot is not connected, so there is no Home to show."));
      return;
    }
    const focused = body.contains(document.activeElement) ? document.activeElement : null;
    const at = [...body.querySelectorAll(CONTROLS)].indexOf(focused);
    const key = `home/${store.me}`;
    fill(body, blocks(view.blocks, { ...contextFor(store, key, { view_id: view.id }), heading: "h2" }));
    if (focused) successor(focused, at)?.focus();
  }

  /** The same control in the new view, or what stands in its place: “Resume” where “Pause” was. */
  function successor(old, at) {
    const now = [...body.querySelectorAll(CONTROLS)];
    const label = old.getAttribute("aria-label");
    return now.find((one) => one.dataset.focus === old.dataset.focus)
      ?? now.find((one) => label && one.getAttribute("aria-label") === label) ?? now[at];
  }

  /** Opening Home is what makes Slack tell the bot, which then publishes: the view may come a moment later. */
  async function open() {
    const mine = ++asked;
    draw();
    const answer = await get("home", { as: store.me });
    if (mine !== asked || !answer.ok) return;
    store.home = answer.view ?? store.home;
    draw();
  }

  store.on("home", () => {
    asked++; // what the server still answers to `open` is older than this
    if (store.place.home) draw();
  });
  return { el, open };
}
