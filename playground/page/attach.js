// Files on their way in: picked, dropped or pasted, uploaded at once and shown as chips until they are sent.
// Knows nothing of the message they will go with.

import { h, icon } from "./dom.js";
import { upload } from "./api.js";
import { notify } from "./popover.js";

/** Returns {shelf, button, ids(), clear(), busy(), dropZone(element)}. */
export function attachments(store, onchange, onremove) {
  let files = []; // {name, id, failed, chip}
  const shelf = h("ul", { class: "attach-shelf", "aria-label": "Attached files", hidden: true });
  const picker = h("input", { type: "file", multiple: true, hidden: true, tabindex: "-1", "aria-hidden": "true",
    onchange: () => { take([...picker.files]); picker.value = ""; } });
  const button = h("button", { type: "button", class: "tool", "aria-label": "Attach files", onclick: () => picker.click() }, icon("clip"));

  function changed() {
    shelf.hidden = files.length === 0;
    onchange();
  }

  async function take(list) {
    await Promise.all(list.map(async (file) => {
      const entry = { name: file.name || "pasted.png" };
      const state = h("small", { role: "status" }, "uploading…");
      entry.chip = h("li", { class: "attach-chip" }, icon("file"), h("span", {}, entry.name), state,
        h("button", { type: "button", class: "tool", "aria-label": `Remove ${entry.name}`, onclick: () => {
          files = files.filter((f) => f !== entry);
          entry.chip.remove();
          changed();
          onremove();
        } }, icon("close")));
      files.push(entry);
      shelf.append(entry.chip);
      changed();
      const answer = await upload(store.me, file);
      if (answer.ok) {
        entry.id = answer.file.id;
        state.textContent = "";
      } else {
        entry.failed = true;
        state.textContent = "not uploaded";
        notify(answer.error ?? `${entry.name} was refused.`);
      }
      changed();
    }));
  }

  function dropZone(element) {
    let depth = 0;
    const carries = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
    const over = (on) => element.classList.toggle("drop-target", on);
    element.addEventListener("dragenter", (event) => { if (carries(event)) { depth += 1; over(true); } });
    element.addEventListener("dragleave", () => { depth = Math.max(0, depth - 1); if (!depth) over(false); });
    element.addEventListener("dragover", (event) => { if (carries(event)) event.preventDefault(); });
    element.addEventListener("drop", (event) => {
      if (!carries(event)) return;
      event.preventDefault();
      depth = 0;
      over(false);
      take([...event.dataTransfer.files]);
    });
  }

  function paste(event) {
    const found = [...(event.clipboardData?.files ?? [])];
    if (!found.length) return;
    event.preventDefault();
    take(found);
  }

  return {
    shelf, button: h("span", {}, button, picker), dropZone, paste,
    ids: () => files.filter((f) => f.id).map((f) => f.id),
    count: () => files.length,
    busy: () => files.some((f) => !f.id && !f.failed),
    clear() { files = []; shelf.replaceChildren(); changed(); },
  };
}
