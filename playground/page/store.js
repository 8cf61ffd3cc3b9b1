// What the page knows: the workspace, messages of the conversations that were opened, and what the live
// events changed. Every change is told by topic ("messages", "thread", "place", …).
// Knows nothing of the DOM and makes no requests.

const STATUS_LASTS = 120_000; // Slack drops a status line after two minutes
const CALLS_KEPT = 400;

export class Store {
  constructor() {
    this.workspace = { team: {}, users: [], channels: [], commands: [], shortcuts: [], examples: [], app_connected: true };
    this.me = null;
    this.online = true;
    this.place = { channel: null, thread: null, home: false };
    this.unread = new Map(); // channel -> how many
    this.calls = [];
    this.home = null;
    this.rooms = new Map(); // channel -> Map(ts -> message), roots only
    this.threads = new Map(); // channel/ts -> Map(ts -> message)
    this.meanwhile = new Map(); // what is being fetched -> Map(ts -> message, or null when deleted), live
    this.statuses = new Map(); // channel/thread -> what the bot says of itself there
    this.drafts = new Map();
    this.faces = new Map(); // container -> what a person did in it: values, opened, chosen
    this.listeners = new Map();
  }

  on(topic, fn) {
    this.listeners.set(topic, [...(this.listeners.get(topic) ?? []), fn]);
  }

  tell(topic, detail) {
    for (const fn of this.listeners.get(topic) ?? []) fn(detail);
  }

  // -- the workspace

  setWorkspace(workspace) {
    this.workspace = { ...this.workspace, ...workspace };
    this.people = new Map(this.workspace.users.map((u) => [u.id, u]));
    this.channelsById = new Map(this.workspace.channels.map((c) => [c.id, c]));
    this.tell("workspace");
  }

  user(id) { return this.people?.get(id); }
  channel(id) { return this.channelsById?.get(id); }
  get bot() { return this.user(this.workspace.bot_user) ?? { id: "", real_name: "The bot" }; }
  get botName() { return this.bot.real_name || this.bot.name; }
  nameOf(id) { return this.user(id)?.real_name || this.user(id)?.name || id; }

  /** The bot's conversation with whoever is chosen, if there is one. */
  get dm() {
    return this.workspace.channels.find((c) => c.is_im && (c.user ? c.user === this.me : c.members?.includes(this.me)));
  }

  isMember(channel) { return !channel?.members || channel.members.includes(this.me); }

  // -- messages

  /** To be called before a room (`C1`) or a thread (`C1/12.3`) is fetched: what arrives live until its answer
   *  does is newer than that. */
  expects(key) { this.meanwhile.set(key, new Map()); }
  #with(key, map) {
    for (const [ts, message] of this.meanwhile.get(key) ?? []) message ? map.set(ts, message) : map.delete(ts);
    this.meanwhile.delete(key);
    return map;
  }

  setRoom(channel, messages) {
    this.rooms.set(channel, this.#with(channel, merged(this.rooms.get(channel), messages)));
    this.tell("messages", { channel });
  }
  setThread(channel, ts, messages) {
    const key = `${channel}/${ts}`;
    this.threads.set(key, this.#with(key, merged(this.threads.get(key), messages)));
    this.tell("thread", { channel, ts });
  }

  forget() { this.meanwhile.clear(); this.rooms.clear(); this.threads.clear(); this.statuses.clear(); this.unread.clear(); this.home = null; }
  roots(channel) { return sorted(this.rooms.get(channel)); }
  replies(channel, ts) { return sorted(this.threads.get(`${channel}/${ts}`)); }
  find(channel, ts) {
    const holders = [this.rooms.get(channel), ...[...this.threads].filter(([k]) => k.startsWith(`${channel}/`)).map(([, v]) => v)];
    return holders.find((map) => map?.has(ts))?.get(ts);
  }

  face(key) {
    if (!this.faces.has(key)) this.faces.set(key, { values: Object.create(null), open: new Map(), chosen: new Map() });
    return this.faces.get(key);
  }

  /** What the bot says of itself in one thread: {text, working, prompts}. The line ends by itself. */
  session(channel, thread) {
    const found = this.statuses.get(`${channel}/${thread ?? ""}`);
    return { ...found, text: found?.until > Date.now() ? found.text : "" };
  }

  // -- live events

  apply(event) {
    const { type, channel, message } = event;
    if (type === "message" || type === "ephemeral") {
      this.#put(channel, type === "ephemeral" ? { is_ephemeral: true, ...message } : message, true);
      this.tell("arrived", { channel, message });
    } else if (type === "message_changed") this.#put(channel, message, false);
    else if (type === "message_deleted") this.#drop(channel, event.ts);
    else if (type === "reaction") this.#react(event);
    else if (type === "status") this.#status(event);
    else if (type === "app_connected") {
      this.workspace.app_connected = event.value;
      this.tell("connection");
    } else if (type === "call") {
      this.calls = [...this.calls.filter((c) => c.n !== event.call.n), event.call].slice(-CALLS_KEPT);
      this.tell("calls");
    } else if (type === "home") {
      this.home = event.view;
      this.tell("home");
    } else if (type === "view" || type === "view_closed") this.tell(type, event);
    else if (/^(member_|channel_)/.test(type)) this.tell("stale");
  }

  #put(channel, message, fresh) {
    const { ts, thread_ts: root } = message;
    const isReply = root && root !== ts;
    const room = this.rooms.get(channel);
    const thread = this.threads.get(`${channel}/${root || ts}`);
    if (!isReply || message.subtype === "thread_broadcast") this.meanwhile.get(channel)?.set(ts, message);
    this.meanwhile.get(`${channel}/${root || ts}`)?.set(ts, message);
    if (room && (!isReply || message.subtype === "thread_broadcast")) room.set(ts, message);
    if (thread && (fresh || isReply || thread.has(ts))) thread.set(ts, message);
    if (fresh && isReply && !message.is_ephemeral) this.#countReply(channel, root, message);
    if (fresh && (message.bot_id || message.user === this.workspace.bot_user)) {
      const session = this.statuses.get(`${channel}/${root ?? ""}`);
      if (session) session.text = ""; // Slack clears the line when the app posts
      this.tell("status");
    }
    this.tell("messages", { channel });
    this.tell("thread", { channel, ts: root || ts });
  }

  /** Counts a reply once, whether or not the server also sends the changed root. */
  #countReply(channel, rootTs, reply) {
    for (const map of [this.rooms.get(channel), this.threads.get(`${channel}/${rootTs}`)]) {
      const root = map?.get(rootTs);
      if (!root || Number(root.latest_reply ?? 0) >= Number(reply.ts)) continue;
      map.set(rootTs, { ...root, thread_ts: rootTs, reply_count: (root.reply_count ?? 0) + 1, latest_reply: reply.ts });
    }
  }

  #drop(channel, ts) {
    for (const [key, live] of this.meanwhile) if (key === channel || key.startsWith(`${channel}/`)) live.set(ts, null);
    this.rooms.get(channel)?.delete(ts);
    for (const [key, map] of this.threads) {
      if (!key.startsWith(`${channel}/`) || !map.delete(ts)) continue;
      const rootTs = key.slice(channel.length + 1);
      for (const holder of [this.rooms.get(channel), map]) {
        const root = holder?.get(rootTs);
        if (root?.reply_count) holder.set(rootTs, { ...root, reply_count: root.reply_count - 1 });
      }
      this.tell("thread", { channel, ts: rootTs });
    }
    this.tell("messages", { channel });
  }

  #react({ channel, ts, message, reactions, name, user, added = true }) {
    const found = this.find(channel, ts ?? message?.ts);
    if (message || !found) return message && this.#put(channel, message, false);
    const rest = (found.reactions ?? []).filter((r) => r.name !== name);
    const old = (found.reactions ?? []).find((r) => r.name === name)?.users ?? [];
    const users = added ? [...new Set([...old, user])] : old.filter((u) => u !== user);
    const next = reactions ?? (users.length ? [...rest, { name, users, count: users.length }] : rest);
    this.#put(channel, { ...found, reactions: next }, false);
  }

  #status({ channel, thread_ts: thread, text, agent_status: agent, prompts, loading_messages: loading }) {
    const words = text || (text === undefined ? "" : loading?.[0]) || "";
    this.statuses.set(`${channel}/${thread ?? ""}`, {
      text: words, working: agent === "processing", prompts: prompts ?? [], until: Date.now() + STATUS_LASTS,
    });
    if (words) setTimeout(() => this.tell("status"), STATUS_LASTS + 50);
    this.tell("status");
  }
}

const sorted = (map) => [...(map?.values() ?? [])].sort((a, b) => Number(a.ts) - Number(b.ts) || (a.ts < b.ts ? -1 : 1));

/** What was fetched is the truth; only what arrived live after the newest of it is kept as well. */
function merged(old, messages) {
  const fresh = new Map(messages.map((m) => [m.ts, m]));
  const newest = Math.max(0, ...messages.map((m) => Number(m.ts)));
  for (const [ts, message] of old ?? []) if (Number(ts) > newest) fresh.set(ts, message);
  return fresh;
}
