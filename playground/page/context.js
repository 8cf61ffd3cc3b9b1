// What blocks need from the page, gathered for one container (a message, a modal, Home): names of people,
// what was typed or opened in it, and the way an action goes out.
// Knows nothing of how anything is drawn.

import { post, upload } from "./api.js";
import { notify } from "./popover.js";

/** `container` is {channel, message_ts} or {view_id}; `key` names it for what the person did in it. */
export function contextFor(store, key, container) {
  const face = store.face(key);
  return {
    me: store.me,
    user: (id) => store.user(id),
    channel: (id) => store.channel(id),
    users: () => store.workspace.users,
    channels: () => store.workspace.channels,
    open: face.open,
    chosen: face.chosen,
    getValue: (block, action) => face.values[block]?.[action],
    setValue: (block, action, value) => {
      face.values[block] = { ...face.values[block], [action]: value };
    },
    async act(payload) {
      const state = Object.keys(face.values).length ? { values: face.values } : undefined;
      const answer = await post("action", { as: store.me, ...container, ...payload, state });
      if (!answer.ok) notify(answer.error ?? "The action was refused.");
    },
    async upload(file) {
      const answer = await upload(store.me, file);
      if (answer.ok) return answer.file;
      notify(answer.error ?? "The file was refused.");
      return null;
    },
  };
}

/** Only what the view shows now: values of blocks that are gone stay behind. */
export function valuesOf(store, key, view) {
  const values = store.face(key).values;
  const ids = (view.blocks ?? []).map((block, i) => block.block_id ?? `block-${i}`);
  return Object.fromEntries(ids.filter((id) => values[id]).map((id) => [id, values[id]]));
}
