// What a person can do with a message: react, edit, delete, use a shortcut, dismiss.
// Knows nothing of how a message is drawn; refusals become notices.

import { h, uid } from "./dom.js";
import { post } from "./api.js";
import { decode, encode } from "./mentions.js";
import { notify } from "./popover.js";

function editBox(text) {
  return new Promise((resolve) => {
    const id = uid("edit");
    const area = h("textarea", { class: "field", rows: "4", "aria-labelledby": id, onkeydown: (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) dialog.close("yes");
    } });
    area.value = text;
    const dialog = h("dialog", { class: "dialog dialog-small", "aria-labelledby": id },
      h("form", { method: "dialog" },
        h("h2", { class: "dialog-title", id }, "Edit message"),
        h("div", { class: "dialog-body" }, area),
        h("div", { class: "dialog-foot" }, h("button", { class: "button", value: "no" }, "Cancel"),
          h("button", { class: "button primary", value: "yes" }, "Save"))));
    dialog.addEventListener("close", () => {
      resolve(dialog.returnValue === "yes" && area.value.trim() ? area.value.trim() : null);
      dialog.remove();
    });
    document.body.append(dialog);
    dialog.showModal();
    area.focus();
  });
}

/** `openThread(message)` is the page's own doing. */
export function messageActions(store, openThread) {
  const channel = () => store.place.channel;
  const told = async (answer) => {
    const done = await answer;
    if (!done.ok) notify(done.error ?? "That did not work.");
    return done.ok;
  };
  return {
    openThread,
    react(message, name) {
      const mine = message.reactions?.some((r) => r.name === name && r.users?.includes(store.me));
      return told(post("react", { as: store.me, channel: channel(), ts: message.ts, name, remove: mine || undefined }));
    },
    remove: (message) => told(post("delete", { as: store.me, channel: channel(), ts: message.ts })),
    dismiss: (message) => store.apply({ type: "message_deleted", channel: channel(), ts: message.ts }),
    async shortcut(message, shortcut) {
      const ok = await told(post("shortcut", { as: store.me, callback_id: shortcut.callback_id, channel: channel(), ts: message.ts }));
      if (ok) notify(`“${shortcut.name}” went to ${store.botName}.`, { kind: "info" });
    },
    async edit(message) {
      const text = await editBox(decode(message.text, store));
      if (text !== null) await told(post("edit", { as: store.me, channel: channel(), ts: message.ts, text: encode(text, store) }));
    },
  };
}
