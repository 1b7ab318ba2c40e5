// A courier app's backend: ES256 tokens in a header of their own with a key set beside them, the
// refresh token in a cookie, a gate that says 503 while the app may not run, lists that count
// offsets, and a WebSocket-only feed under a path of its own.
//
//   node server.mjs [misbehaviour]
//
// Without an argument it behaves well. `auth` knows who drives, `fleet` what is to be delivered,
// `ops` is for dispatchers only.

import { createHash, createSign, generateKeyPairSync, randomUUID } from "node:crypto";
import { setTimeout as later } from "node:timers/promises";
import { Server } from "socket.io";
import { Service, answer, cookieOf, jsonOf, ready } from "../house.mjs";

const MISBEHAVIOURS = [
  "wrong-audience", "foreign-key", "unknown-key-id", "wrong-issuer", "expired-at-issue", "page-loses-a-stop",
  "page-repeats-a-stop", "pages-never-end", "refresh-broken", "subject-of-another", "data-while-closed",
  "socket-while-closed", "never-closes", "silent-feed", "weight-as-text", "event-weight-as-text",
  "no-request-id", "socket-refuses", "cached-for-all", "slow", "short-lived", "no-pings",
  "unsigned-tokens", "signature-unchecked", "shift-renewed-twice", "driver-of-the-connection", "any-entity-tag",
  "dispatch-for-all", "socket-for-anybody", "data-as-text", "one-correlation",
];
const bad = process.argv[2] ?? "none";
if (bad !== "none" && !MISBEHAVIOURS.includes(bad)) throw new Error(`no such misbehaviour: ${bad}`);
const LIFETIME = ["short-lived", "refresh-broken"].includes(bad) ? 20 : 600;

const drivers = [
  { badge: "D-114", pin: process.env.FLEET_NADIA ?? "quartz-9", ref: "drv:114", name: "Nadia Brandt" },
  { badge: "D-207", pin: process.env.FLEET_OMAR ?? "basalt-1", ref: "drv:207", name: "Omar Haddad" },
];
const stops = (ref) =>
  Array.from({ length: 23 }, (_, n) => ({ stop: { ref: `${ref}/s${n}` }, city: "Ghent", kilos: 2.5 + n, eta: 1_760_000_000 + n * 60 }));
const vehicles = Object.fromEntries(
  drivers.map(({ ref }, n) => [ref, { rev: 1, plate: `1-ABC-${100 + n}`, at: { lat: 51.05, lon: 3.72 }, load_kg: 410.5 }]),
);

// Tokens ---------------------------------------------------------------------------------------

const pair = () => generateKeyPairSync("ec", { namedCurve: "P-256" });
const [genuine, foreign] = [pair(), pair()];
const jwk = { ...genuine.publicKey.export({ format: "jwk" }), kid: "fleet-1", use: "sig", alg: "ES256" };
const base64 = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

const signed = (driver) => {
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    iss: bad === "wrong-issuer" ? "https://id.elsewhere.test" : "https://id.couriers.test",
    aud: bad === "wrong-audience" ? "warehouse" : ["couriers", "telemetry"],
    sub: randomUUID(),
    iat: now,
    exp: bad === "expired-at-issue" ? now - 120 : now + LIFETIME,
    driver: { ref: bad === "subject-of-another" ? "drv:207" : driver.ref },
  };
  const body = `${base64({ alg: "ES256", typ: "at+jwt", kid: bad === "unknown-key-id" ? "fleet-9" : "fleet-1" })}.${base64(claims)}`;
  const key = (bad === "foreign-key" ? foreign : genuine).privateKey;
  return `${body}.${createSign("SHA256").update(body).sign({ key, dsaEncoding: "ieee-p1363" }, "base64url")}`;
};

const access = new Map();
// Every renewal belongs to the shift that began with a sign-in; one that was used says so.
const renewal = new Map();
let shifts = 0;
let closed = false;

const session = (driver, status, shift = ++shifts) => {
  const [token, again] = [signed(driver), randomUUID()];
  access.set(token, { driver, until: Date.now() + LIFETIME * 1000 });
  renewal.set(again, { driver, shift, used: false });
  return answer(status, { kind: "session", jwt: token }, {
    "set-cookie": [`again=${again}; Path=/shift; HttpOnly; SameSite=Strict`, "region=be; Path=/"],
  });
};

/** Who a token says it is for, if it is one that only a misbehaviour believes. */
const believed = (value) => {
  const [, claims, signature] = (value ?? "").split(".");
  const lax = signature === "" ? bad === "unsigned-tokens" : bad === "signature-unchecked";
  if (!lax || !claims) return undefined;
  const { driver } = JSON.parse(Buffer.from(claims, "base64url"));
  return drivers.find(({ ref }) => ref === driver?.ref);
};

const endShift = (shift) => {
  for (const [token, held] of renewal) if (held.shift === shift) renewal.delete(token);
};

const holder = (value) => {
  const held = access.get(value);
  return held ? (held.until > Date.now() ? held.driver : undefined) : believed(value);
};

const auth = new Service({
  requestId: () => "x-correlation",
  routes: {
    "GET /keys": async () => answer(200, { keys: [jwk] }),
    "POST /shift": async (request) => {
      const { badge, pin } = await jsonOf(request);
      const driver = drivers.find((one) => one.badge === badge && one.pin === pin);
      return driver ? session(driver, 201) : answer(422, { problem: "badge or pin" });
    },
    "PUT /shift": async (request) => {
      if (bad === "refresh-broken") return answer(500, { problem: "we are looking into it" });
      const held = renewal.get(cookieOf(request, "again"));
      if (held?.used && bad !== "shift-renewed-twice") endShift(held.shift);
      else if (held) {
        held.used = true;
        return session(held.driver, 200, held.shift);
      }
      return answer(410, { problem: "the shift is over" });
    },
    "DELETE /shift": async (request) => {
      endShift(renewal.get(cookieOf(request, "again"))?.shift);
      return answer(204, undefined, { "set-cookie": "again=; Path=/shift; Max-Age=0" });
    },
  },
});

// Data -----------------------------------------------------------------------------------------

const own = (give) => async (request, url) => {
  let driver = holder(request.headers["x-auth"]);
  if (bad === "driver-of-the-connection") driver = request.socket.driver ??= driver;
  if (!driver) return answer(401, { problem: "who are you" });
  if (closed && bad !== "data-while-closed") return answer(503, { problem: "closed" });
  if (bad === "slow") await later(2000);
  const told = await give(driver, url);
  const tag = `"${createHash("sha256").update(JSON.stringify(told.body) + driver.ref).digest("hex").slice(0, 12)}"`;
  const wanted = request.headers["if-none-match"];
  const known = wanted !== undefined && (wanted === tag || bad === "any-entity-tag");
  const caching = bad === "cached-for-all" ? "s-maxage=600" : "private, max-age=0";
  return { ...(known ? answer(304) : told), headers: { "cache-control": caching, etag: tag } };
};

const fleet = new Service({
  base: "/api",
  plainText: bad === "data-as-text",
  oneId: bad === "one-correlation" ? "c-0001" : undefined,
  requestId: (url) => (bad === "no-request-id" && url.pathname.endsWith("/stops") ? undefined : "x-correlation"),
  routes: {
    "GET /gate": async () => (closed && bad !== "never-closes" ? answer(503, "closed", { "content-type": "text/plain" }) : answer(204)),
    "GET /who": own(async ({ ref, badge, name }) => answer(200, { who: { ref, badge, name } })),
    "POST /dispatch/rehearsal-canary": own(async () =>
      bad === "dispatch-for-all" ? answer(201, { dispatched: true }) : answer(403, { problem: "dispatchers only" }),
    ),
    "GET /vehicle": own(async ({ ref }) => {
      const mine = structuredClone(vehicles[ref]);
      if (bad === "weight-as-text") mine.load_kg = String(mine.load_kg);
      return answer(200, mine);
    }),
    "GET /stops": own(async ({ ref }, url) => {
      const all = stops(ref);
      let from = Number(url.searchParams.get("skip") ?? 0);
      const size = Number(url.searchParams.get("take") ?? 10);
      if (bad === "page-loses-a-stop" && from > 0) from += 1;
      if (bad === "page-repeats-a-stop" && from > 0) from -= 1;
      if (bad === "pages-never-end") from %= 20;
      return answer(200, { total: all.length, stops: all.slice(from, from + size) });
    }),
  },
  feed: (http) => {
    const io = new Server(http, { path: "/api/rt/ws-io/", transports: ["websocket"], serveClient: false, pingInterval: 4000, pingTimeout: 3000 });
    if (bad === "no-pings") io.engine.on("connection", (socket) => clearTimeout(socket.pingIntervalTimer));
    io.use((socket, next) => {
      const driver = holder(socket.handshake.auth.jwt) ?? (bad === "socket-for-anybody" ? Object.values(drivers)[0] : undefined);
      if (!driver || bad === "socket-refuses") return next(Object.assign(new Error("who are you"), { data: { status: 401 } }));
      if (closed && bad !== "socket-while-closed") return next(new Error("closed"));
      socket.data.ref = driver.ref;
      socket.data.token = socket.handshake.auth.jwt;
      return next();
    });
    return io;
  },
});

setInterval(() => {
  for (const vehicle of Object.values(vehicles)) {
    vehicle.rev += 1;
    vehicle.at.lat = Number((vehicle.at.lat + 0.0001).toFixed(4));
  }
  if (bad === "silent-feed") return;
  for (const socket of fleet.opened?.sockets.sockets.values() ?? []) {
    if (!holder(socket.data.token) && bad !== "socket-for-anybody") {
      socket.disconnect(true);
      continue;
    }
    const { rev, at, load_kg } = vehicles[socket.data.ref];
    socket.emit("moved", { vehicle: { rev, at, load_kg: bad === "event-weight-as-text" ? "heavy" : load_kg } });
  }
}, 1000);

const dispatcher = (act) => async (request, url) => {
  if (request.headers["x-dispatch"] !== (process.env.FLEET_OPS ?? "rowan-2")) return answer(403, { problem: "dispatchers only" });
  await act(url, request);
  return answer(200, { gate: closed ? "closed" : "open" });
};

const ops = new Service({
  routes: {
    "POST /gate/close": dispatcher(() => {
      closed = true;
      if (bad !== "socket-while-closed") fleet.opened?.disconnectSockets(true);
    }),
    "POST /gate/open": dispatcher(() => {
      closed = false;
    }),
    "POST /expire": dispatcher(() => {
      for (const held of access.values()) held.until = 0;
    }),
  },
});

await Promise.all([auth.start(), fleet.start(), ops.start()]);
ready({ auth: auth.url, fleet: fleet.url, ops: ops.url });
