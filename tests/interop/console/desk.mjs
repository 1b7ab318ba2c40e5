// Chromium with the console of a mock or a proxy, and a client of the app's services on its other side.

import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { chromium } from "playwright-core";
import { io } from "socket.io-client";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export async function start() {
  return chromium.launch({
    executablePath: process.env.REHEARSAL_CHROMIUM ?? "/usr/bin/chromium",
    // Root, as CI often is, has no sandbox; the pages are our own.
    args: ["--no-sandbox"],
  });
}

// Opens a console; whatever the page throws, says of a mistake or asks another origin for is kept in `trouble`.
export async function open(browser, url, options = {}) {
  const { prepare, ...rest } = options;
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...rest });
  // Only what hangs for good comes to feel it, on a machine that is very busy.
  context.setDefaultTimeout(120_000);
  const page = await context.newPage();
  const trouble = [];
  page.on("pageerror", (error) => trouble.push(error.stack ?? String(error)));
  page.on("dialog", (dialog) => trouble.push(`a dialog: ${dialog.message()}`));
  page.on("console", (message) => /Content Security|violat/i.test(message.text()) && trouble.push(message.text()));
  page.on("request", (request) => !request.url().startsWith(url) && !/^(?:blob|data):/.test(request.url()) && trouble.push(`asked for ${request.url()}`));
  await prepare?.(page);
  await page.goto(url);
  // A page that was prepared has a stream of its own.
  if (!prepare) await page.getByText("live", { exact: true }).waitFor();
  return { page, trouble, context };
}

// A way to a port that can be cut and mended.
export async function relay(to) {
  const open = new Set();
  const keep = (socket) => {
    open.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => open.delete(socket));
  };
  const server = createServer((near) => {
    const far = connect({ port: to, host: "127.0.0.1" });
    for (const socket of [near, far]) keep(socket);
    near.pipe(far).pipe(near);
  });
  let port = 0;
  const mend = () => new Promise((done) => server.listen(port, "127.0.0.1", done));
  const cut = () => new Promise((done) => {
    server.close(done);
    for (const socket of open) socket.destroy();
  });
  await mend();
  port = server.address().port;
  return { url: `http://127.0.0.1:${port}`, mend, cut };
}

// What axe finds wrong with the page as it is.
export async function violations(page) {
  // The page's policy lets in no script, so axe comes by the debugger.
  const session = await page.context().newCDPSession(page);
  await session.send("Runtime.evaluate", { expression: `${axe}; 0` });
  const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html.slice(0, 160)} ${failureSummary}`).join("\n  ")}`);
}

// An app's client, as plain as can be: it signs in, asks and listens.
export async function client({ services }) {
  const own = { services };
  own.fetch = (service, path, options = {}) => fetch(`${services[service]}${path}`, options);
  own.signIn = async () => {
    const body = JSON.stringify({ email: "ada.lindqvist@tradedesk.example", password: "mock-heron-41", product: "tradedesk" });
    const answer = await own.fetch("platform", "/api/v1/sessions", { method: "POST", headers: { "content-type": "application/json" }, body });
    own.token = (await answer.json()).tokens.access;
  };
  own.ask = (path, options = {}) => own.fetch("trading", path, { ...options, headers: { authorization: `Bearer ${own.token}`, ...options.headers } });
  own.listen = (transports) => {
    const url = new URL(services.trading);
    const path = `${url.pathname.replace(/\/$/, "")}/socket.io/`;
    const socket = io(`${url.origin}/trading`, { path, auth: { token: own.token }, transports, forceNew: true, reconnection: false });
    return new Promise((done) => {
      socket.on("connect", () => socket.emit("subscribe", { channels: ["positions", "prices", "health"] }, () => done(socket)));
      socket.on("connect_error", (error) => done(error));
    });
  };
  await own.signIn();
  return own;
}
