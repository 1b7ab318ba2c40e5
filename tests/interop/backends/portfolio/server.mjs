// A portfolio app's backend: OAuth forms with opaque tokens, a kill-switch that is a word in a list
// of flags, lists at the root of the answer, numbered pages, holdings pushed over `/live`.
//
//   node server.mjs [misbehaviour]
//
// Without an argument it behaves well. `id` signs in and says whether the app may run, `desk` holds
// the data behind a proxy's path, `ops` is for operators only.

import { randomBytes } from "node:crypto";
import { setTimeout as later } from "node:timers/promises";
import { Server } from "socket.io";
import { Service, answer, bodyOf, jsonOf, ready } from "../house.mjs";

const MISBEHAVIOURS = [
  "somebody-elses-account", "no-trace-on-orders", "quantity-as-text", "page-repeats-an-order",
  "pages-never-end", "data-during-closure", "socket-during-closure", "never-closes", "silent-feed",
  "sessions-lost-on-restart", "refresh-broken", "expires-at-once", "cached-for-all", "slow",
  "redirects-orders", "html-for-performance", "socket-refuses", "ticks-of-another",
  "no-pings", "short-lived", "short-lived-feed-goes-on", "renewal-used-twice", "renewal-family-lives",
  "revokes-nothing", "transfers-for-all", "page-loses-an-order", "investor-kept-for-all",
  "any-bearer", "live-for-anybody", "closed-as-401",
];
const bad = process.argv[2] ?? "none";
if (bad !== "none" && !MISBEHAVIOURS.includes(bad)) throw new Error(`no such misbehaviour: ${bad}`);
const short = ["short-lived", "short-lived-feed-goes-on", "refresh-broken"].includes(bad);
const LIFETIME = bad === "expires-at-once" ? 0 : short ? 20 : 900;
const CLIENT = "folio-android";
const PER_PAGE = 8;

const investors = {
  "wanda.okafor": { secret: process.env.FOLIO_WANDA ?? "larch-3", id: "inv_801", name: "Wanda Okafor" },
  "piet.smit": { secret: process.env.FOLIO_PIET ?? "beech-5", id: "inv_802", name: "Piet Smit" },
};
const holdings = Object.fromEntries(
  Object.values(investors).map(({ id }, n) => [
    id,
    ["NL0000235190", "US0378331005", "IE00B4L5Y983"].map((isin, i) => ({
      isin, quantity: 10 * (i + 1) + n, last_price: 100 + 20 * i + n, currency: "EUR",
    })),
  ]),
);
const orders = (id) =>
  Array.from({ length: 21 }, (_, n) => ({
    order_no: `${id}-${1000 - n}`, isin: "US0378331005", side: n % 2 ? "buy" : "sell", filled_qty: n + 1,
  }));

// Sessions -------------------------------------------------------------------------------------

let access = new Map();
// Every renewal token belongs to the sign-in that it comes from; one that was used says so.
let renewal = new Map();
let signIns = 0;
let closed = false;

const grant = (login, family = ++signIns) => {
  const [token, again] = [randomBytes(24).toString("base64url"), randomBytes(24).toString("base64url")];
  access.set(token, { login, until: Date.now() + LIFETIME * 1000 });
  renewal.set(again, { login, family, used: false });
  return answer(200, { access_token: token, token_type: "bearer", expires_in: LIFETIME, refresh_token: again });
};
const refused = (error) => answer(400, { error });

const token = async (request) => {
  const form = new URLSearchParams(await bodyOf(request));
  if (form.get("client_id") !== CLIENT) return refused("invalid_client");
  if (form.get("grant_type") === "password") {
    const login = form.get("username");
    const known = investors[login]?.secret === form.get("password");
    return known ? grant(login) : refused("invalid_grant");
  }
  if (form.get("grant_type") !== "refresh_token") return refused("unsupported_grant_type");
  if (bad === "refresh-broken") return answer(500, { error: "server_error" });
  const held = renewal.get(form.get("refresh_token"));
  if (!held) return refused("invalid_grant");
  if (held.used && bad !== "renewal-used-twice") {
    if (bad !== "renewal-family-lives") forget(held.family);
    return refused("invalid_grant");
  }
  held.used = true;
  return grant(held.login, held.family);
};

const forget = (family) => {
  for (const [token, held] of renewal) if (held.family === family) renewal.delete(token);
};

const revoke = async (request) => {
  const form = new URLSearchParams(await bodyOf(request));
  if (bad !== "revokes-nothing") forget(renewal.get(form.get("token"))?.family);
  return answer(200, {});
};

const holder = (value) => {
  const session = access.get(value);
  return session && (session.until > Date.now() || bad === "short-lived-feed-goes-on" || bad === "expires-at-once") ? session : undefined;
};

/** What only a signed-in investor gets, and nobody while the app is closed. */
const own = (give) => async (request, url) => {
  const bearer = (request.headers.authorization ?? "").replace(/^Bearer /, "");
  const session = holder(bearer) ?? (bad === "any-bearer" && bearer && !access.has(bearer) ? { login: "wanda.okafor" } : undefined);
  if (!session) return answer(401, { error: "invalid_token" });
  if (closed && bad !== "data-during-closure") return answer(bad === "closed-as-401" ? 401 : 503, { error: "closed" });
  if (bad === "slow") await later(2000);
  const shared = bad === "cached-for-all" ? { "cache-control": "public, max-age=60" } : {};
  const told = await give(investors[session.login], url);
  return { ...told, headers: { ...shared, ...told.headers } };
};

// The services ---------------------------------------------------------------------------------

const id = new Service({
  requestId: () => "x-trace",
  routes: {
    "POST /oauth/token": token,
    "POST /oauth/revoke": revoke,
    "GET /v1/flags": async () =>
      answer(200, [
        { flag: "dark_theme", state: "enabled" },
        { flag: "mobile_access", state: closed && bad !== "never-closes" ? "closed" : "open" },
      ]),
  },
});

const page = (investor, url) => {
  const all = orders(investor.id);
  const number = Number(url.searchParams.get("page"));
  const size = Number(url.searchParams.get("per_page") ?? PER_PAGE);
  let from = (number - 1) * size;
  if (bad === "pages-never-end") from %= size * 2;
  if (bad === "page-repeats-an-order" && number > 1) from -= 1;
  if (bad === "page-loses-an-order" && number > 1) from += 1;
  return all.slice(from, from + size);
};

let kept;

const desk = new Service({
  base: "/edge/desk/v3",
  requestId: (url) => (bad === "no-trace-on-orders" && url.pathname.endsWith("/orders") ? undefined : "x-trace"),
  routes: {
    "GET /alive": async () => answer(200, { alive: true }),
    "GET /investor": own(async (investor) => {
      if (bad === "investor-kept-for-all") investor = kept ??= investor;
      const shown = bad === "somebody-elses-account" ? "piet.smit" : Object.keys(investors).find((login) => investors[login] === investor);
      return answer(200, { login: shown, display_name: investors[shown].name, investor_no: investors[shown].id });
    }),
    "GET /holdings": own(async (investor) => {
      const list = structuredClone(holdings[investor.id]);
      if (bad === "quantity-as-text") list[1].quantity = String(list[1].quantity);
      return answer(200, list);
    }),
    "POST /transfers/rehearsal-canary": own(async () =>
      bad === "transfers-for-all" ? answer(202, { booked: true }) : answer(403, { error: "read only" }),
    ),
    "GET /performance": own(async () =>
      bad === "html-for-performance"
        ? answer(200, "<!doctype html><title>Welcome</title>", { "content-type": "text/html" })
        : answer(200, { year_to_date_pct: 4.2, since_start_pct: 31.7 }),
    ),
    "GET /orders": own(async (investor, url) =>
      bad === "redirects-orders"
        ? answer(302, undefined, { location: `${id.url}/v1/flags` })
        : answer(200, page(investor, url)),
    ),
  },
  feed: (http) => {
    const io = new Server(http, { path: "/edge/desk/v3/stream/", serveClient: false, pingInterval: 4000, pingTimeout: 3000 });
    if (bad === "no-pings") io.engine.on("connection", (socket) => clearTimeout(socket.pingIntervalTimer));
    const live = io.of("/live");
    live.use((socket, next) => {
      const session = holder(socket.handshake.auth.bearer)
        ?? (bad === "live-for-anybody" ? { login: "wanda.okafor", until: Date.now() + 60_000 } : undefined);
      if (!session || bad === "socket-refuses") return next(new Error("unauthorized"));
      if (closed && bad !== "socket-during-closure") return next(new Error("closed"));
      socket.data.investor = investors[session.login].id;
      socket.data.until = session.until;
      return next();
    });
    live.on("connection", (socket) => {
      socket.on("watch", (_lists, done) => {
        done?.({ ok: true });
        if (bad === "silent-feed") return;
        socket.join("watching");
        socket.emit("snapshot", { holdings: holdings[socket.data.investor] });
      });
    });
    return io;
  },
});

setInterval(() => {
  for (const list of Object.values(holdings)) {
    for (const holding of list) holding.last_price = Number((holding.last_price + Math.random() - 0.5).toFixed(2));
  }
  for (const socket of desk.opened?.of("/live").sockets.values() ?? []) {
    if (!socket.rooms.has("watching")) continue;
    if (socket.data.until <= Date.now() && bad !== "short-lived-feed-goes-on") {
      socket.disconnect(true);
      continue;
    }
    const mine = bad === "ticks-of-another" ? "inv_802" : socket.data.investor;
    socket.emit("tick", [holdings[mine][0]]);
  }
}, 800);

// Operators ------------------------------------------------------------------------------------

const operator = (act) => async (request, url) => {
  if (request.headers["x-operator"] !== (process.env.FOLIO_OPS ?? "hazel-7")) return answer(403, { error: "operators only" });
  await act(await jsonOf(request), url);
  return answer(202, { closed, desk: Boolean(desk.http) });
};

const ops = new Service({
  routes: {
    "PATCH /mobile": operator(async ({ access_for_mobile: wanted }) => {
      closed = wanted === "closed";
      if (closed && bad !== "socket-during-closure") desk.opened?.of("/live").disconnectSockets(true);
    }),
    "POST /stop": operator(() => desk.stop()),
    "POST /start": operator(async () => {
      if (bad === "sessions-lost-on-restart") {
        access = new Map();
        renewal = new Map();
      }
      await desk.start();
    }),
    "POST /emit": operator(async ({ event, data }) => {
      desk.opened?.of("/live").emit(event, data);
    }),
  },
});

await Promise.all([id.start(), desk.start(), ops.start()]);
ready({ id: id.url, desk: desk.url, ops: ops.url });
