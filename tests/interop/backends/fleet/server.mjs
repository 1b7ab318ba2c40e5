// A courier app's backend: ES256 tokens in a header of their own with a key set beside them, the
// refresh token in a cookie, a gate that says 503 while the app may not run, lists that count
// offsets, and a WebSocket-only feed under a path of its own.
//
//   node server.mjs [misbehaviour]
//
// Without an argument it behaves well. `auth` knows who drives, `fleet` what is to be delivered,
// `ops` is for dispatchers only.

import { createSign, generateKeyPairSync, randomUUID } from "node:crypto";
import { setTimeout as later } from "node:timers/promises";
import { Server } from "socket.io";
import { Service, answer, cookieOf, jsonOf, ready } from "../house.mjs";

const MISBEHAVIOURS = [
  "wrong-audience", "foreign-key", "unknown-key-id", "wrong-issuer", "expired-at-issue", "page-loses-a-stop",
  "page-repeats-a-stop", "pages-never-end", "refresh-broken", "subject-of-another", "data-while-closed",
  "socket-while-closed", "never-closes", "silent-feed", "weight-as-text", "event-weight-as-text",
  "no-request-id", "socket-refuses", "cached-for-all", "slow", "short-lived", "no-pings",
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
const renewal = new Map();
let closed = false;

const session = (driver, status) => {
  const [token, again] = [signed(driver), randomUUID()];
  access.set(token, { driver, until: Date.now() + LIFETIME * 1000 });
  renewal.set(again, driver);
  return answer(status, { kind: "session", jwt: token }, {
    "set-cookie": [`again=${again}; Path=/shift; HttpOnly; SameSite=Strict`, "region=be; Path=/"],
  });
};

const holder = (value) => {
  const held = access.get(value);
  return held && held.until > Date.now() ? held.driver : undefined;
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
      const again = cookieOf(request, "again");
      const driver = renewal.get(again);
      renewal.delete(again);
      return driver ? session(driver, 200) : answer(410, { problem: "the shift is over" });
    },
    "DELETE /shift": async (request) => {
      renewal.delete(cookieOf(request, "again"));
      return answer(204, undefined, { "set-cookie": "again=; Path=/shift; Max-Age=0" });
    },
  },
});

// Data -----------------------------------------------------------------------------------------

const own = (give) => async (request, url) => {
  const driver = holder(request.headers["x-auth"]);
  if (!driver) return answer(401, { problem: "who are you" });
  if (closed && bad !== "data-while-closed") return answer(503, { problem: "closed" });
  if (bad === "slow") await later(2000);
  const told = await give(driver, url);
  return { ...told, headers: bad === "cached-for-all" ? { "cache-control": "s-maxage=600" } : { "cache-control": "private, max-age=0" } };
};

const fleet = new Service({
  base: "/api",
  requestId: (url) => (bad === "no-request-id" && url.pathname.endsWith("/stops") ? undefined : "x-correlation"),
  routes: {
    "GET /gate": async () => (closed && bad !== "never-closes" ? answer(503, "closed", { "content-type": "text/plain" }) : answer(204)),
    "GET /who": own(async ({ ref, badge, name }) => answer(200, { who: { ref, badge, name } })),
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
      const driver = holder(socket.handshake.auth.jwt);
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
    if (!holder(socket.data.token)) {
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
