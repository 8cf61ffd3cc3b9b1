// Talks to the playground: requests, uploads, and the live socket, which reconnects by itself.
// Knows the addresses of the page API and how a refusal reads; keeps no state and draws nothing.

const AWAY = "The playground does not answer. Is it still running?";

/** Codes become sentences where a person would wonder; everything else is shown as it came. */
function sentence(error, status) {
  if (!error) return `The playground refused this (HTTP ${status}).`;
  const text = String(error);
  if (/\s/.test(text)) return text;
  const known = {
    not_in_channel: "This person is not in that channel.",
    is_archived: "That channel is archived.",
    no_text: "There is nothing to send.",
    msg_too_long: "That message is too long.",
    dispatch_failed: "The bot is not connected, so nothing happened.",
    timeout: "The bot did not answer within three seconds.",
  };
  return known[text] ?? `The playground refused this: ${text}`;
}

async function request(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    return { ok: false, away: true, error: AWAY };
  }
  let body = {};
  try {
    body = await response.json();
  } catch {
    body = {};
  }
  const ok = response.ok && body.ok !== false;
  return { ...body, ok, error: ok ? undefined : body.errors ? undefined : sentence(body.error, response.status) };
}

const query = (params) =>
  new URLSearchParams(Object.entries(params).filter(([, v]) => v !== undefined && v !== null)).toString();

export const get = (name, params = {}) => request(`/page/${name}?${query(params)}`, { cache: "no-store" });

export const post = (name, body) =>
  request(`/page/${name}`, {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body),
  });

export function upload(as, file) {
  const form = new FormData();
  form.append("as", as);
  form.append("file", file, file.name || "pasted.png");
  return request("/page/upload", { method: "POST", body: form });
}

/** A socket as one person. Calls onEvent(event), onUp(again) and onDown(); returns a function that ends it. */
export function connect(as, { onEvent, onUp, onDown }) {
  let socket = null;
  let ended = false;
  let tries = 0;
  let before = false;
  let timer = 0;

  const open = () => {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    socket = new WebSocket(`${scheme}://${location.host}/page/ws?as=${encodeURIComponent(as)}`);
    socket.onopen = () => {
      tries = 0;
      onUp(before);
      before = true;
    };
    socket.onmessage = (message) => {
      let event = null;
      try {
        event = JSON.parse(message.data);
      } catch {
        return console.warn("Not JSON from the playground", message.data);
      }
      onEvent(event);
    };
    socket.onclose = () => {
      if (ended) return;
      onDown();
      tries += 1;
      timer = setTimeout(open, Math.min(500 * 1.6 ** tries, 5000));
    };
  };
  open();
  return () => {
    ended = true;
    clearTimeout(timer);
    socket?.close();
  };
}
