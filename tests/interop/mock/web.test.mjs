// An app's web build in Chromium, from an origin of its own: it signs in, reads and listens at the mock.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";

// What `rehearsal mock --json` has printed.
const ready = JSON.parse(process.env.REHEARSAL_MOCK);
const client = readFileSync(new URL("../node_modules/socket.io-client/dist/socket.io.min.js", import.meta.url), "utf8");
const FOREIGN = "elsewhere.example";

let browser, pages, port;

before(async () => {
  pages = createServer((request, response) => {
    const script = request.url === "/client.js";
    response.setHeader("content-type", script ? "text/javascript" : "text/html");
    response.end(script ? client : "<!doctype html><title>an app</title><script src=/client.js></script>");
  });
  await new Promise((done) => pages.listen(0, "127.0.0.1", done));
  port = pages.address().port;
  browser = await chromium.launch({
    executablePath: process.env.REHEARSAL_CHROMIUM ?? "/usr/bin/chromium",
    // Root, as CI often is, has no sandbox. A name that is none of this network's leads to the same page.
    args: ["--no-sandbox", `--host-resolver-rules=MAP ${FOREIGN} 127.0.0.1`],
  });
});

after(async () => {
  await browser?.close();
  pages?.close();
});

async function open(host) {
  const context = await browser.newContext();
  context.setDefaultTimeout(120_000);
  const page = await context.newPage();
  await page.goto(`http://${host}:${port}/`);
  return page;
}

// Within the page: signs in and reads, as an app does.
async function use({ services, account }) {
  const body = JSON.stringify({ email: account.username, password: account.password, product: "tradedesk" });
  const sent = { method: "POST", credentials: "include", headers: { "content-type": "application/json" }, body };
  const signedIn = await fetch(`${services.platform}/api/v1/sessions`, sent);
  const { tokens } = await signedIn.json();
  const headers = { authorization: `Bearer ${tokens.access}` };
  const positions = await fetch(`${services.trading}/api/positions`, { credentials: "include", headers });
  const refused = await fetch(`${services.trading}/api/positions`, { credentials: "include" });
  return {
    status: [signedIn.status, positions.status, refused.status],
    id: signedIn.headers.get("x-request-id"),
    challenge: refused.headers.get("www-authenticate"),
    listed: (await positions.json()).positions.length,
    token: tokens.access,
  };
}

// Within the page: connects, and waits for the first event.
function listen({ services, token, transports, until }) {
  const url = new URL(services.trading);
  const socket = window.io(`${url.origin}/trading`, {
    path: `${url.pathname}/socket.io/`,
    auth: { token },
    transports,
    withCredentials: true,
    forceNew: true,
  });
  window.socket = socket;
  return new Promise((done, fail) => {
    socket.on("connect_error", (error) => fail(new Error(error.message)));
    socket.on("connect", () => {
      if (until === "connect") return done("connect");
      socket.emit("subscribe", { channels: ["positions", "prices", "health"] }, () => {});
    });
    socket.onAny((event) => done(`${event} by ${socket.io.engine.transport.name}`));
  });
}

const account = ready.accounts[0];

for (const host of ["127.0.0.1", "localhost"]) {
  test(`a page of ${host} signs in, reads and listens by both transports`, async () => {
    const page = await open(host);
    const used = await page.evaluate(use, { services: ready.services, account });
    assert.deepEqual(used.status, [200, 200, 401]);
    assert.match(used.id, /^req-/);
    assert.match(used.challenge, /Bearer/);
    assert.ok(used.listed > 0);
    for (const transport of ["polling", "websocket"]) {
      const heard = await page.evaluate(listen, { services: ready.services, token: used.token, transports: [transport] });
      assert.match(heard, new RegExp(` by ${transport}$`));
    }
    await page.context().close();
  });
}

test("a page of another origin reads nothing, with and without asking first", async () => {
  const page = await open(FOREIGN);
  const refused = await page.evaluate(use, { services: ready.services, account }).catch((error) => error.message);
  assert.match(String(refused), /Failed to fetch/);
  const plain = await page
    .evaluate(async (url) => (await fetch(url)).status, `${ready.services.platform}/api/v1/status`)
    .catch((error) => error.message);
  assert.match(String(plain), /Failed to fetch/);
  await page.context().close();
});

test("a browser that reloads a hundred times leaves nothing behind", async () => {
  const page = await open("localhost");
  const { token } = await page.evaluate(use, { services: ready.services, account });
  // From here on the page connects by itself, and is gone before or after it has.
  await page.addInitScript({ content: `addEventListener("DOMContentLoaded", () => (${listen})(${JSON.stringify({ services: ready.services, token, transports: ["websocket"] })}))` });
  for (let at = 0; at < 100; at += 1) await page.reload({ waitUntil: at % 10 === 0 ? "load" : "domcontentloaded" });
  await page.context().close();
  const state = async () => (await fetch(`${ready.operator}/state`)).json();
  // The last ones are noticed when their connections end.
  let { sockets } = await state();
  while (sockets > 0) {
    await new Promise((done) => setTimeout(done, 50));
    ({ sockets } = await state());
  }
  assert.equal(sockets, 0);
});
