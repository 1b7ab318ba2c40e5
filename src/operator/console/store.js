// The one place where the page's state is: what happened, what is looked at, and how things stand.

import { signal, computed, batch } from "./view.js";
import { makeRows, take, chosen } from "./entries.js";
import { ask, follow, whole } from "./stream.js";

const THEMES = ["auto", "light", "dark"];
const THEME = "rehearsal-theme";
const EVERY = 80;

export const NOTHING = { text: "", service: "", role: "", status: "", event: "", klass: "", lanes: new Set(), bad: false };

export function makeStore(kept) {
  const store = {
    rows: makeRows(),
    shown: signal([]),
    known: signal({ service: [], role: [], event: [], klass: [] }),
    count: signal(0),
    waiting: signal(0),
    following: signal(true),
    paused: signal(false),
    filter: signal(NOTHING),
    selected: signal(null),
    line: signal("wait"),
    lost: signal(0),
    said: signal(""),
    trouble: signal(""),
    directory: signal(null),
    agreed: signal(null),
    schemas: signal({}),
    state: signal({}),
    sockets: signal([]),
    signedIn: signal({}),
    findings: signal([]),
    verdict: signal(null),
    theme: signal(kept.get(THEME)),
    cleared: 0,
    came: [],
  };
  store.isProxy = computed(() => store.directory.value?.levers?.some(({ path }) => path === "/end") ?? false);
  store.turn = () => {
    store.theme.value = THEMES[(THEMES.indexOf(store.theme.value) + 1) % THEMES.length];
    kept.set(THEME, store.theme.value);
  };
  store.narrow = (change) => {
    store.filter.value = { ...store.filter.value, ...change };
    again(store);
  };
  store.widen = () => store.narrow(NOTHING);
  store.pause = () => {
    store.paused.value = !store.paused.value;
    if (!store.paused.value) again(store);
  };
  store.clear = () => {
    store.cleared = store.rows.next();
    store.selected.value = null;
    again(store);
  };
  store.open = (row) => {
    store.selected.value = row;
    if (row !== null) store.following.value = false;
  };
  store.whole = whole;
  store.tell = tellOf(store);
  return store;
}

// Does what somebody asked for and says what came of it, or why it was not done.
function tellOf(store) {
  return async (path, body, done) => {
    try {
      const answer = await ask(path, body);
      store.trouble.value = "";
      store.said.value = typeof done === "function" ? done(answer) : (done ?? "Done");
      refresh(store);
      return answer;
    } catch (error) {
      store.trouble.value = error.message;
      return null;
    }
  };
}

// Begins: what there is, and then what happens.
export async function begin(store) {
  follow({
    last: () => store.rows.last,
    onEntries: (entries) => later(store, entries),
    onState: (state) => {
      if (state === "live" && store.line.value !== "live") learn(store);
      store.line.value = state;
    },
    onAnew: () => anew(store),
    onLost: (lost) => (store.lost.value += lost),
  });
}

async function learn(store) {
  try {
    const [directory, agreed, openapi] = await Promise.all([ask("/"), ask("/contract"), ask("/openapi.json")]);
    batch(() => {
      store.directory.value = directory;
      store.agreed.value = agreed;
      store.schemas.value = openapi.paths ?? {};
    });
    await refresh(store);
  } catch (error) {
    store.trouble.value = error.message;
  }
}

// Another process answers: what was is not its.
function anew(store) {
  batch(() => {
    Object.assign(store, { rows: makeRows(), cleared: 0, came: [] });
    store.selected.value = null;
    store.sockets.value = [];
    store.signedIn.value = {};
    store.findings.value = [];
    store.verdict.value = null;
    store.lost.value = 0;
    store.line.value = "wait";
    store.said.value = "It was started anew, and so is what is shown.";
    again(store);
  });
}

// What comes by the hundred is shown a few times a second.
function later(store, entries) {
  if (store.came.length === 0) setTimeout(() => arrived(store), EVERY);
  for (const entry of entries) store.came.push(entry);
}

function arrived(store) {
  const { rows } = store;
  const came = store.came;
  store.came = [];
  const from = rows.next();
  let older = false;
  for (const entry of came) older = take(rows, entry) < from || older;
  batch(() => {
    for (const entry of came) note(store, entry);
    remember(store, from);
    store.count.value = rows.next() - store.cleared;
    if (store.paused.value) store.waiting.value += rows.next() - from;
    else if (older) again(store);
    else {
      const more = chosen(rows, sought(store), Math.max(from, store.cleared));
      if (more.length) store.shown.value = stillHeld(store.shown.value, rows.base).concat(more);
    }
  });
  refreshSoon(store);
}

function stillHeld(shown, base) {
  return shown.length && shown[0] < base ? shown.filter((row) => row >= base) : shown;
}

function again(store) {
  batch(() => {
    store.waiting.value = 0;
    store.count.value = store.rows.next() - store.cleared;
    store.shown.value = chosen(store.rows, sought(store), store.cleared);
  });
}

function sought({ filter }) {
  return { ...filter.value, text: filter.value.text.trim().toLowerCase() };
}

// What can be chosen from: every service, role, event and class that was seen.
function remember(store, from) {
  const known = store.known.value;
  let next = known;
  for (let row = Math.max(from, store.rows.base); row < store.rows.next(); row += 1) {
    const own = store.rows.get(row);
    for (const key of Object.keys(known)) {
      if (own[key] && !next[key].includes(own[key]) && next[key].length < 200) next = { ...next, [key]: [...next[key], own[key]].sort() };
    }
  }
  store.known.value = next;
}

// What stays true until something else is said.
function note(store, { kind, entry }) {
  if (kind === "finding") store.findings.value = [...store.findings.value, entry.finding].slice(-500);
  if (kind === "verdict") store.verdict.value = entry.verdict;
  const [name, own] = entry.fact ? Object.entries(entry.fact)[0] : ["", null];
  if (name === "token-issued" && own.username) store.signedIn.value = { ...store.signedIn.value, [own.username]: entry.at_us };
  const change = (socket, make) => (store.sockets.value = store.sockets.value.map((one) => (one.socket === socket ? { ...one, ...make(one) } : one)));
  if (name === "socket-opened") store.sockets.value = [...store.sockets.value, { socket: own.socket, service: own.service, transport: own.transport, opened: entry.at_us, beat: null, namespaces: [], asked: "", up: 0, down: 0 }].slice(-200);
  if (name === "socket-upgraded") change(own.socket, () => ({ transport: "websocket" }));
  if (name === "socket-closed") store.sockets.value = store.sockets.value.filter(({ socket }) => socket !== own.socket);
  if (name === "frame") change(own.socket, (one) => framed(one, own, entry.at_us));
}

function framed(one, { packet, direction }, at) {
  const [name, inside] = typeof packet === "string" ? [packet, {}] : Object.entries(packet)[0];
  const counted = { up: one.up + (direction === "up" ? 1 : 0), down: one.down + (direction === "down" ? 1 : 0) };
  if (name === "ping" || name === "pong") return { ...counted, beat: at };
  if (name === "connect" && direction === "down") return { ...counted, namespaces: [...new Set([...one.namespaces, inside.namespace])] };
  if (name === "event" && direction === "up") return { ...counted, asked: `${inside.name} ${JSON.stringify(inside.args?.json?.value ?? "").slice(0, 120)}` };
  return counted;
}

let due = null;

function refreshSoon(store) {
  due ??= setTimeout(() => {
    due = null;
    refresh(store);
  }, 400);
}

export async function refresh(store) {
  try {
    store.state.value = await ask("/state");
  } catch {
    // Whoever answers no more is said to be gone where that is seen first: at the stream.
  }
}
