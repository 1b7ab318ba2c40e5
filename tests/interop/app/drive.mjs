// Drives the greenhouse app behind `rehearsal proxy`: it does what a user would, marks it through the
// control API, moves levers, and asks for the end. Everything waits for what it is about.
//
//   node drive.mjs '<the ready line of rehearsal proxy --json>' [habit]

import { Monitor } from "./monitor.mjs";

const ready = JSON.parse(process.argv[2]);
const habit = process.argv[3];
const credentials = { keeper: "mona@greenhouse.example", secret: "mock-fern-12" };

async function control(path, body = {}) {
  const answer = await fetch(`${ready.control}${path}`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  const said = await answer.json();
  if (!answer.ok) throw new Error(`${path}: ${said.message}`);
  return said;
}

const mark = (act, more = {}) => control("/mark", { act, ...more });

const storage = new Map();
let app;

const launch = async () => {
  app = new Monitor({ services: ready.services, storage, habits: habit ? [habit] : [] });
  await mark("launch");
  return app.launch();
};

const times = async (number, what) => {
  for (let seen = 0; seen < number; seen += 1) await app.when(what);
};

// The parts of the story.
const parts = {
  async signIn() {
    await launch();
    await mark("sign-in", { account: "mona" });
    const there = times(1, "live");
    await app.signIn(credentials);
    await there;
    await times(2, "reading");
  },
  async reads() {
    await mark("open", { screen: "diary" });
    await app.diary();
    await app.tries();
  },
  async expires() {
    await control("/expire-tokens");
    await mark("refresh");
    await app.reload();
    const next = habit === "stubborn" ? times(6, "not-live") : times(1, "live");
    await control("/drop-sockets");
    await next;
    await times(2, "status");
  },
  async expiresForAll() {
    await control("/expire-tokens");
    await mark("refresh");
    await app.reload().catch(() => {});
    await times(2, "status");
  },
  async dropped() {
    const live = app.when("live");
    await control("/drop-sockets");
    await live;
    await times({ "polls-beside": 30, "no-snapshot": 12 }[habit] ?? 2, "reading");
  },
  async socketBlocked() {
    await control("/socket", { on: false });
    await times(2, "polled");
    const live = app.when("live");
    await control("/socket", { on: true });
    await live;
    await times(5, "reading");
  },
  async failing() {
    await control("/fault", { on: "climate", respond: { status: 503 } });
    await mark("refresh");
    await app.reload().catch(() => {});
    await control("/fault", { on: "climate", off: true });
    await times(2, "status");
  },
  async renewalFails() {
    await control("/fault", { on: "refresh", respond: { status: 500 } });
    await control("/expire-tokens");
    await mark("refresh");
    await app.reload().catch(() => {});
    await control("/fault", { on: "refresh", off: true });
    await mark("sign-in", { account: "mona" });
    await app.signIn(credentials);
    await times(2, "status");
  },
  async closed() {
    if (habit === "deaf-to-switch") {
      await control("/maintenance", { on: true });
      await times(6, "status");
      await control("/maintenance", { on: false });
      return;
    }
    const blocked = app.when("blocked");
    await control("/maintenance", { on: true });
    await blocked;
    await times(2, "status");
    const live = app.when("live");
    await control("/maintenance", { on: false });
    await live;
    await times(2, "reading");
  },
  async comesBack() {
    app.kill();
    await mark("kill");
    const state = await launch();
    if (state !== "signed-in") throw new Error(`restored ${state}`);
    if (!app.live) await app.when("live");
    await times(2, "reading");
  },
  async signOut() {
    await mark("sign-out");
    await app.signOut();
    await times(5, "status");
  },
};

const story = {
  undefined: ["reads", "expires", "dropped", "socketBlocked", "failing", "closed", "comesBack", "signOut"],
  "refresh-each": ["expiresForAll"],
  "pass-in-query": ["reads"],
  "deaf-sign-out": ["signOut"],
  stubborn: ["expires"],
  "polls-beside": ["dropped"],
  override: ["reads"],
  climbs: ["reads"],
  "deaf-to-switch": ["closed"],
  storm: ["failing"],
  "late-reader": ["signOut"],
  chatty: ["reads"],
  "no-snapshot": ["dropped"],
  "asks-all-the-time": ["reads", "dropped"],
  "gives-up-session": ["renewalFails"],
  "signs-in-again": ["comesBack"],
}[habit];

// Whoever waits for what never comes says so, in place of waiting for ever.
const patience = setTimeout(() => {
  process.stdout.write(`${JSON.stringify({ broken: "what was waited for did not come within 3 minutes" })}\n`);
  process.exit(1);
}, 180_000);

try {
  for (const part of ["signIn", ...story]) {
    process.stderr.write(`${part}\n`);
    await parts[part]();
  }
  process.stdout.write(`${JSON.stringify(await control("/end"))}\n`);
} catch (error) {
  process.stdout.write(`${JSON.stringify({ broken: error.stack })}\n`);
} finally {
  clearTimeout(patience);
  app?.kill();
}
