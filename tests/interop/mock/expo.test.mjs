// The web build of examples/expo, from an origin of its own, in Chromium: a person signs in at the mock and sees what
// the operator does there.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";

// What `rehearsal mock --json` has printed, and where the build is.
const ready = JSON.parse(process.env.REHEARSAL_MOCK);
const build = process.env.REHEARSAL_BUILD;
const account = ready.accounts[0];
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".json": "application/json", ".ico": "image/x-icon" };

let browser, pages;

before(async () => {
  pages = createServer(async (request, response) => {
    const path = normalize(new URL(request.url, "http://localhost").pathname);
    const file = join(build, path === "/" ? "index.html" : path);
    const body = await readFile(file).catch(() => null);
    response.writeHead(body ? 200 : 404, { "content-type": TYPES[extname(file)] ?? "application/octet-stream" });
    response.end(body);
  });
  await new Promise((done) => pages.listen(0, "127.0.0.1", done));
  browser = await chromium.launch({
    executablePath: process.env.REHEARSAL_CHROMIUM ?? "/usr/bin/chromium",
    // Root, as CI often is, has no sandbox.
    args: ["--no-sandbox"],
  });
});

after(async () => {
  await browser?.close();
  pages?.close();
});

async function opened() {
  const context = await browser.newContext();
  context.setDefaultTimeout(120_000);
  const page = await context.newPage();
  const trouble = [];
  page.on("pageerror", (error) => trouble.push(error.stack));
  await page.goto(`http://127.0.0.1:${pages.address().port}/`);
  return { page, context, trouble };
}

async function signIn(page, password) {
  await page.getByLabel("Email").fill(account.username);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
}

const move = (path, body) =>
  fetch(`${ready.operator}${path}`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) })
    .then((answer) => assert.equal(answer.status, 200));

test("a person signs in, sees positions move, and is told of maintenance", async () => {
  const { page, context, trouble } = await opened();
  await signIn(page, account.password);
  await page.getByRole("status").getByText("live").waitFor();
  const first = page.getByTestId("position").first();
  await first.waitFor();
  // Prices walk: an event changes what is shown.
  const before = await first.innerText();
  await page.waitForFunction((was) => document.querySelector('[data-testid="position"]').innerText !== was, before);

  await move("/maintenance", { on: true });
  await page.getByRole("button", { name: "Refresh" }).click();
  await page.getByRole("alert").getByText("Maintenance").waitFor();
  await move("/maintenance", { on: false });
  await page.getByRole("button", { name: "Refresh" }).click();
  await page.getByRole("status").getByText("live").waitFor();
  assert.deepEqual(trouble, []);
  await context.close();
});

test("a wrong password is refused, and a network that is gone is another thing", async () => {
  const { page, context } = await opened();
  await signIn(page, "nonsense");
  await page.getByRole("alert").getByText("The backend refused: 401").waitFor();
  await move("/network", { on: false });
  await signIn(page, account.password);
  await page.getByRole("alert").getByText("cannot be reached").waitFor();
  await move("/network", { on: true });
  await signIn(page, account.password);
  await page.getByTestId("position").first().waitFor();
  await context.close();
});
