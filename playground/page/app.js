// The composition root: brings the parts together, follows the address, loads, and keeps the socket.
// The only module that knows all others; draws nothing but the frame.

import { h, fill, icon } from "./dom.js";
import { get, connect } from "./api.js";
import { messageActions } from "./actions.js";
import { channelPane } from "./channel.js";
import { homeTab } from "./home.js";
import { inspector } from "./inspector.js";
import { modals } from "./modal.js";
import { wordsOf } from "./mrkdwn.js";
import { author } from "./people.js";
import { announce } from "./popover.js";
import { personSwitch, placeLink, sidebar } from "./sidebar.js";
import { Store } from "./store.js";
import { themeButton } from "./theme.js";
import { threadPane } from "./thread.js";

const byId = (id) => document.getElementById(id);
const store = new Store();
const remember = {
  get me() { try { return sessionStorage.getItem("playground.me"); } catch { return null; } },
  set me(id) { try { sessionStorage.setItem("playground.me", id); } catch { /* a browser that keeps nothing */ } },
};

// -- the frame

const go = (place) => { location.hash = placeLink({ ...store.place, home: false, ...place }); };
let threadOpener = null;
function openThread(message) {
  const at = document.activeElement?.closest?.(".message")?.dataset.ts;
  threadOpener = at ?? message.ts;
  focusThread = true;
  const ts = message.thread_ts || message.ts;
  if (store.place.thread === ts) thread.focus();
  else go({ thread: ts });
}
let focusThread = false;

const ops = messageActions(store, openThread);
const home = homeTab(store);
const channel = channelPane(store, byId("main"), { ops, home, onExample: followExample });
const thread = threadPane(store, byId("thread"), { ops, onclose: closeThread });
const calls = inspector(store, { onclose: () => showInspector(false) });
const dialogs = modals(store);
sidebar(store, byId("sidebar"));
byId("layout").after(calls.el);

const menuButton = h("button", { type: "button", class: "tool menu-button", "aria-label": "Channels", "aria-expanded": "false",
  "aria-controls": "sidebar", onclick: () => showSidebar(!document.body.classList.contains("sidebar-open")) }, icon("menu"));
const inspectButton = h("button", { type: "button", class: "tool tool-words", "aria-pressed": "false", dataset: { testid: "inspector-toggle" },
  onclick: () => showInspector(calls.el.hidden) }, icon("gauge"), h("span", {}, "Inspector"));
const teamName = h("span", { class: "team" });
fill(byId("topbar"), menuButton, h("span", { class: "brand" }, teamName),
  personSwitch(store, become), inspectButton, themeButton());

function showSidebar(open) {
  document.body.classList.toggle("sidebar-open", open);
  menuButton.setAttribute("aria-expanded", String(open));
}
function showInspector(open) {
  calls.toggle(open);
  inspectButton.setAttribute("aria-pressed", String(open));
  if (!open) inspectButton.focus();
}
function closeThread() {
  go({ thread: null });
  const back = threadOpener && byId("main").querySelector(`.message[data-ts="${CSS.escape(threadOpener)}"]`);
  if (back) back.focus();
  else channel.focus();
}
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.defaultPrevented) return;
  // What lies on top closes by itself, and alone.
  if (document.querySelector("dialog[open], .popover:popover-open")) return;
  if (document.body.classList.contains("sidebar-open")) showSidebar(false);
  else if (store.place.thread) closeThread();
});

/** An example is made for a channel, but works wherever the bot listens. */
function followExample(example) {
  const here = store.channel(store.place.channel);
  if (here?.is_im || here?.members?.includes(store.workspace.bot_user)) return;
  const wanted = String(example.channel ?? "").replace(/^#/, "");
  const target = store.workspace.channels.find((c) => c.id === wanted || (wanted && c.name === wanted));
  if (!target || target.id === store.place.channel) return;
  store.drafts.set(`${target.id}/`, example.text);
  go({ channel: target.id, thread: null });
}

// A permalink of this workspace opens here, whatever host name it was made with.
document.addEventListener("click", (event) => {
  const url = event.target.closest?.("a[href]")?.href ?? "";
  const found = url.match(/^http:\/\/(?:127\.0\.0\.1|localhost|\[::1\]):\d+\/archives\/(\w+)\/p(\d+)(\d{6})(?:\?.*thread_ts=([\d.]+))?/);
  if (!found || new URL(url).port !== location.port) return;
  event.preventDefault();
  go({ channel: found[1], thread: found[4] ?? `${found[2]}.${found[3]}` });
});

// -- places

function readPlace() {
  const [first, second] = location.hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
  if (first === "home") return { channel: null, thread: null, home: true };
  const visible = (c) => c && (!c.is_im || c.id === store.dm?.id);
  const known = visible(store.channel(first)) ? store.channel(first) : null;
  const fallback = store.workspace.channels.find((c) => !c.is_im && !c.is_archived && store.isMember(c));
  const target = known ?? fallback ?? store.dm;
  return { channel: target?.id ?? null, thread: known && second ? second : null, home: false };
}

async function enter() {
  const before = store.place;
  store.place = readPlace();
  const moved = before.channel !== store.place.channel || before.home !== store.place.home;
  if (moved) showSidebar(false);
  store.unread.delete(store.place.channel);
  title();
  store.tell("place");
  if (store.place.home) return home.open();
  const jobs = [];
  if (moved || !store.rooms.has(store.place.channel)) jobs.push(loadRoom());
  if (store.place.thread && store.place.thread !== before.thread) jobs.push(loadThread());
  if (focusThread && store.place.thread) thread.focus();
  else if (moved && document.activeElement?.id !== "person-switch" && matchMedia("(hover: hover)").matches) channel.focus();
  focusThread = false;
  await Promise.all(jobs);
}

async function loadRoom() {
  const at = store.place.channel;
  store.expects(at);
  const answer = await get("messages", { channel: at, as: store.me });
  if (answer.ok) store.setRoom(at, answer.messages ?? []);
}
async function loadThread() {
  const { channel: at, thread: ts } = store.place;
  store.expects(`${at}/${ts}`);
  const answer = await get("messages", { channel: at, as: store.me, thread_ts: ts });
  if (answer.ok) store.setThread(at, ts, answer.messages ?? []);
}

function title() {
  const name = store.place.home ? "Home" : store.channel(store.place.channel)?.name;
  const unread = [...store.unread.values()].reduce((a, b) => a + b, 0);
  document.title = `${unread ? `(${unread}) ` : ""}${name ? (store.place.home ? "Home" : `#${name}`) : store.botName} · Playground`;
}

store.on("arrived", ({ channel: at, message }) => {
  const root = message.thread_ts && message.thread_ts !== message.ts ? message.thread_ts : null;
  const inThread = at === store.place.channel && store.place.thread === (root ?? message.ts);
  const inRoom = at === store.place.channel && !root && !store.place.thread;
  if ((inThread || inRoom) && message.user !== store.me) {
    announce(`${author(message, store).name}: ${wordsOf(message.text, { ...store, me: store.me, user: (id) => store.user(id), channel: (id) => store.channel(id) }).slice(0, 240)}`);
  }
  const elsewhere = at !== store.place.channel || store.place.home;
  const mine = store.channel(at) && (!store.channel(at).is_im || at === store.dm?.id);
  if (elsewhere && mine && message.user !== store.me) {
    store.unread.set(at, (store.unread.get(at) ?? 0) + 1);
    store.tell("unread");
    title();
  }
});

// -- being someone, and being connected

function banner() {
  const el = byId("banner");
  const words = !store.online ? "The playground is away. Trying to reach it again…"
    : !store.workspace.app_connected ? "The bot is not connected. Start it, and it will answer here." : "";
  el.hidden = !words;
  if (el.textContent !== words) el.textContent = words;
}
store.on("connection", banner);
store.on("stale", () => loadWorkspace());

async function loadWorkspace() {
  const answer = await get("state", { as: store.me });
  if (!answer.ok) return false;
  if (!store.user(store.me)) {
    const wanted = new URLSearchParams(location.search).get("as") ?? remember.me;
    store.me = answer.users.find((u) => (u.id === wanted || u.name === wanted) && !u.is_bot)?.id ?? answer.me_default;
  }
  store.setWorkspace(answer);
  teamName.textContent = answer.team?.name || "Playground";
  banner();
  return true;
}

let hangUp = null;
function dial() {
  hangUp?.();
  hangUp = connect(store.me, {
    onEvent: (event) => store.apply(event),
    async onUp(again) {
      store.online = true;
      banner();
      calls.load();
      if (!again) return;
      await loadWorkspace(); // whatever happened meanwhile is fetched, not guessed
      if (store.place.home) await home.open();
      else await Promise.all([loadRoom(), store.place.thread ? loadThread() : null]);
    },
    onDown() {
      store.online = false;
      banner();
    },
  });
}

async function become(id) {
  store.me = id;
  remember.me = id;
  store.forget();
  dialogs.clear();
  store.tell("me");
  store.place = { channel: null, thread: null, home: false };
  dial();
  await loadWorkspace();
  await enter();
}

async function start() {
  while (!(await loadWorkspace())) {
    store.online = false;
    banner();
    await new Promise((done) => setTimeout(done, 1500));
  }
  store.online = true;
  banner();
  store.tell("me");
  addEventListener("hashchange", enter);
  dial();
  await enter();
}

start();
