// Where a person writes: text with suggestions, files, sending as whoever is chosen, and what to try first.
// Knows nothing of how messages are shown; the answer to a send comes back over the live socket.

import { h, fill, icon, uid } from "./dom.js";
import { post } from "./api.js";
import { attachments } from "./attach.js";
import { completion } from "./complete.js";
import { encode } from "./mentions.js";

/**
 * `place()` -> {channel, thread}; `describe()` -> {label, placeholder, refuse}; `onExample(example)` when an
 * example belongs elsewhere. Returns {el, focus(), set(text), refresh()}.
 */
export function composer(store, { testid, inThread = false, place, describe, onExample }) {
  const errorId = uid("composer-error");
  const hintId = uid("composer-hint");
  const area = h("textarea", {
    class: "composer-text", rows: "1", dataset: { testid }, "aria-describedby": `${hintId} ${errorId}`, enterkeyhint: "send", spellcheck: "true",
  });
  const files = attachments(store, () => refreshSend(), () => area.focus());
  const suggest = completion(area, store, { inThread });
  const hint = h("p", { class: "composer-hint", id: hintId });
  const error = h("p", { class: "composer-error", id: errorId, role: "alert" });
  const send = h("button", { type: "submit", class: "button primary send", "aria-label": "Send" }, icon("send"));
  const chips = h("div", { class: "examples", role: "group", "aria-label": "Requests to try" });
  const box = h("div", { class: "composer-box" }, files.shelf, area,
    h("div", { class: "composer-bar" }, files.button,
      h("button", { type: "button", class: "tool", "aria-label": "Mention someone", onclick: () => type("@") }, icon("at")),
      inThread ? null : h("button", { type: "button", class: "tool", "aria-label": "Use a command", onclick: () => { area.value = ""; type("/"); } }, icon("slash")),
      hint, send));
  const refusal = h("p", { class: "composer-refuse", hidden: true });
  const el = h("form", { class: "composer", onsubmit: (event) => { event.preventDefault(); submit(); } },
    chips, suggest.list, box, refusal, error);
  files.dropZone(box);

  const key = () => `${place().channel}/${place().thread ?? ""}`;

  function type(sign) {
    const gap = area.value && !/\s$/.test(area.value.slice(0, area.selectionStart)) ? " " : "";
    area.focus();
    area.setRangeText(gap + sign, area.selectionStart, area.selectionEnd, "end");
    changed();
  }

  function grow() {
    area.style.height = "auto";
    area.style.height = `${Math.min(area.scrollHeight, 220)}px`;
  }

  function refreshSend() {
    send.disabled = files.busy() || (!area.value.trim() && !files.ids().length);
    // Their place stays while one types, so that the conversation does not jump.
    chips.hidden = !chips.childElementCount;
    chips.classList.toggle("away", Boolean(area.value) || files.count() > 0);
  }

  function refreshHint() {
    const command = store.workspace.commands.find((c) => area.value.startsWith(c.command));
    if (inThread && area.value.startsWith("/")) {
      fill(hint, `Commands don't work in threads. Mention @${store.botName} here instead.`);
    } else if (command) {
      fill(hint, h("code", {}, `${command.command} ${command.usage_hint ?? ""}`.trim()));
    } else fill(hint, h("span", { class: "keys" }, "Enter sends, Shift+Enter starts a new line"));
  }

  function changed() {
    store.drafts.set(key(), area.value);
    error.textContent = "";
    grow();
    refreshSend();
    refreshHint();
    suggest.refresh();
  }

  async function submit() {
    const text = area.value.trim();
    const ids = files.ids();
    if (files.busy() || (!text && !ids.length)) return;
    const { channel, thread } = place();
    const name = text.split(/\s/, 1)[0];
    const command = !thread && !ids.length && store.workspace.commands.find((c) => c.command === name);
    area.value = "";
    changed();
    suggest.close();
    const answer = command
      ? await post("command", { as: store.me, channel, command: name, text: text.slice(name.length).trim() })
      : await post("say", { as: store.me, channel, text: encode(text, store), thread_ts: thread ?? undefined, files: ids });
    if (answer.ok) return files.clear();
    if (!area.value) {
      area.value = text; // nothing a person wrote is lost
      changed();
      suggest.close();
    }
    error.textContent = answer.error ?? "That was not sent.";
  }

  area.addEventListener("input", changed);
  area.addEventListener("paste", files.paste);
  area.addEventListener("keydown", (event) => {
    if (suggest.key(event) || event.key !== "Enter" || event.isComposing) return;
    if (event.shiftKey && !event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    submit();
  });

  function drawChips() {
    const chip = (label, text, before) =>
      h("button", { type: "button", class: "chip", dataset: { testid: "example" }, title: text, onclick: () => {
        before?.();
        set(text);
        area.focus();
      } }, label);
    const { channel, thread } = place();
    const prompts = thread ? store.session(channel, thread).prompts ?? [] : [];
    const all = inThread ? [] : store.workspace.examples ?? [];
    const here = all.filter((e) => !e.channel || [channel, store.channel(channel)?.name].includes(e.channel.replace(/^#/, "")));
    const offered = here.length ? here : all;
    fill(chips, offered.length ? h("span", { class: "examples-lead" }, "Try:") : null,
      offered.map((e) => chip(e.label, e.text, () => onExample?.(e))),
      prompts.map((p) => chip(p.title, p.message)));
    refreshSend();
  }

  function set(text) {
    area.value = text;
    changed();
    suggest.close();
    area.setSelectionRange(text.length, text.length);
  }

  /** After the place, the person or the workspace changed. */
  function refresh() {
    const { label, placeholder, refuse } = describe();
    area.setAttribute("aria-label", label);
    area.placeholder = placeholder;
    box.hidden = Boolean(refuse);
    refusal.hidden = !refuse;
    refusal.textContent = refuse ?? "";
    const draft = store.drafts.get(key()) ?? "";
    if (area.value !== draft) area.value = draft;
    drawChips();
    if (refuse) fill(chips);
    grow();
    refreshSend();
    refreshHint();
    suggest.close();
    error.textContent = "";
  }

  store.on("status", drawChips);
  return { el, area, set, refresh, focus: () => area.focus({ preventScroll: true }) };
}
