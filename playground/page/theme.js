// Light, dark, or as the system says; remembered in this browser. Knows nothing else of the page.

import { h, fill, icon } from "./dom.js";

const NEXT = { auto: "light", light: "dark", dark: "auto" };
const LOOK = { auto: ["auto", "as the system"], light: ["sun", "light"], dark: ["moon", "dark"] };
const KEY = "playground.theme";

function remembered() {
  try {
    return NEXT[localStorage.getItem(KEY)] ? localStorage.getItem(KEY) : "auto";
  } catch {
    return "auto";
  }
}

export function themeButton() {
  let now = remembered();
  const node = h("button", { type: "button", class: "tool", onclick: () => {
    now = NEXT[now];
    try {
      localStorage.setItem(KEY, now);
    } catch {
      // A browser that keeps nothing still switches.
    }
    show();
  } });
  function show() {
    document.documentElement.dataset.theme = now;
    const [name, words] = LOOK[now];
    node.setAttribute("aria-label", `Theme: ${words}`);
    node.title = `Theme: ${words}`;
    fill(node, icon(name));
  }
  show();
  return node;
}
