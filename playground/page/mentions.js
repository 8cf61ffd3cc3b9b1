// Between what a person types ("@Ada Okafor") and what goes out ("<@U…>"), and back for editing.
// Escaping is the server's work: it takes plain text. Knows nothing of the composer.

const quote = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** Longest names first, so that "@Ada Okafor" is not cut at "@Ada". Code is left alone. */
export function encode(text, store) {
  const names = new Map();
  for (const user of store.workspace.users) {
    for (const name of [user.real_name, user.name]) if (name) names.set(name.toLowerCase(), `<@${user.id}>`);
  }
  for (const range of ["here", "channel", "everyone"]) names.set(range, `<!${range}>`);
  const longest = [...names.keys()].sort((a, b) => b.length - a.length).map(quote).join("|");
  const pattern = new RegExp(`(^|[^\\w@<])@(${longest})(?![\\w])`, "gi");
  return text
    .split(/(```[\s\S]*?```|`[^`\n]*`)/)
    .map((part, i) => (i % 2 ? part : part.replace(pattern, (_, before, name) => before + names.get(name.toLowerCase()))))
    .join("");
}

/** For the edit box: the words a person would type to get this message. */
export function decode(text, store) {
  return String(text ?? "")
    .replace(/<@([A-Z0-9]+)(?:\|[^>]*)?>/g, (_, id) => `@${store.nameOf(id)}`)
    .replace(/<#([A-Z0-9]+)(?:\|([^>]*))?>/g, (_, id, name) => `#${store.channel(id)?.name ?? name ?? id}`)
    .replace(/<!([a-z]+)(?:\|[^>]*)?>/g, "@$1")
    .replace(/<((?:https?|mailto):[^|>]+)(?:\|[^>]*)?>/g, "$1")
    .replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&amp;/g, "&");
}
