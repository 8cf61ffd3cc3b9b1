// Builds DOM nodes, so that no other module is tempted by innerHTML: text always becomes a text node.
// Knows nothing of Slack, of messages or of the page's layout.

/** h("a", {class: "x", onclick: fn, dataset: {k: v}, disabled: true}, child, [children], "text") */
export function h(tag, props = {}, ...children) {
  const el = document.createElement(tag);
  for (const [key, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) el.addEventListener(key.slice(2), value);
    else if (key === "class") el.className = value;
    else if (key === "dataset") Object.assign(el.dataset, value);
    else if (key === "style") for (const [k, v] of Object.entries(value)) el.style.setProperty(k, v);
    else if (key === "value") el.value = value;
    else el.setAttribute(key, value === true ? "" : String(value));
  }
  add(el, children);
  return el;
}

/** Appends nodes, strings and nested lists of them; skips null, undefined and false. */
export function add(parent, ...children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    parent.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
  return parent;
}

export function fill(parent, ...children) {
  parent.replaceChildren();
  return add(parent, children);
}

export const fragment = (...children) => add(document.createDocumentFragment(), children);

const SAFE = new Set(["http:", "https:", "mailto:"]);

/** The address if it is http, https or mailto and absolute; otherwise null. */
export function safeUrl(text) {
  try {
    const url = new URL(String(text));
    return SAFE.has(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

/** A link that leaves the page; plain text when the address is not one we follow. */
export function link(url, ...children) {
  const href = safeUrl(url);
  if (!href) return h("span", { title: "This address is not http, https or mailto." }, children);
  return h("a", { href, target: "_blank", rel: "noopener noreferrer" }, children);
}

/** The address of an image only if this playground serves it: the page asks nobody else for anything. */
export function ownUrl(text) {
  try {
    const url = new URL(String(text), location.href);
    const loopback = ["127.0.0.1", "localhost", "[::1]"].includes(url.hostname);
    const own = url.origin === location.origin || (loopback && url.pathname.startsWith("/files/"));
    return own && url.protocol.startsWith("http") ? url.pathname + url.search : null;
  } catch {
    return null;
  }
}

let serial = 0;
export const uid = (prefix = "id") => `${prefix}-${++serial}`;

const ICONS = {
  hash: "M9.5 4 7.5 20M16.5 4l-2 16M4.5 9h16M3.5 15h16",
  lock: "M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3",
  chat: "M4 5h16v11H10l-4 4v-4H4z",
  home: "M4 11.5 12 5l8 6.5M6 10v9h12v-9",
  reply: "M9 7 4 12l5 5M4 12h9c4 0 6.5 2 7 6",
  smile: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18M8.5 14c1.8 2.6 5.2 2.6 7 0M9 9.5v.5M15 9.5v.5",
  more: "M5 12h.01M12 12h.01M19 12h.01",
  close: "M6 6l12 12M18 6 6 18",
  clip: "M20 11.5 12 19.5a5 5 0 0 1-7-7l8.5-8.5a3.4 3.4 0 0 1 5 5L10 17.3a1.7 1.7 0 0 1-2.5-2.5L15 7.5",
  send: "M4 12 20 4l-5 16-4-7z",
  down: "M12 4v11M7 11l5 5 5-5M5 20h14",
  file: "M6 3h8l4 4v14H6zM14 3v4h4",
  menu: "M4 6h16M4 12h16M4 18h16",
  gauge: "M4 18h16M7 18v-6M12 18V6M17 18v-9",
  sun: "M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8M12 2v2.5M12 19.5V22M2 12h2.5M19.5 12H22M5 5l1.7 1.7M17.3 17.3 19 19M19 5l-1.7 1.7M6.7 17.3 5 19",
  moon: "M19.5 14.5A8 8 0 0 1 9.5 4.5a8 8 0 1 0 10 10z",
  auto: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 3v18",
  back: "M15 5l-7 7 7 7",
  check: "M5 12.5 10 17.5 19.5 7",
  bang: "M12 6v8M12 18h.01",
  circle: "M12 19a7 7 0 1 0 0-14 7 7 0 0 0 0 14z",
  arc: "M12 5a7 7 0 1 1-7 7",
  pencil: "M5 19l1-4L16 5l3 3L9 18z",
  at: "M15.5 12a3.5 3.5 0 1 1-7 0 3.5 3.5 0 0 1 7 0zM15.5 8.5V13a2.5 2.5 0 0 0 5 0v-1a8.5 8.5 0 1 0-3.5 6.9",
  slash: "M15 4 9 20",
};

const SVG = "http://www.w3.org/2000/svg";

/** A small line drawing, hidden from assistive technology: words say the same beside it. */
export function icon(name, extra = "") {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", `icon ${extra}`.trim());
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name] ?? ICONS.circle);
  svg.append(path);
  return svg;
}
