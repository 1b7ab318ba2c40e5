// What people do with the console: watch, narrow, look closer, move levers, push. What a lever does is seen by a
// client on the other side.

import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { client, open, relay, start, violations } from "./desk.mjs";

// What `rehearsal mock --json` and `rehearsal proxy --json` have printed.
const mock = JSON.parse(process.env.REHEARSAL_MOCK);
const still = JSON.parse(process.env.REHEARSAL_STILL);
const proxy = JSON.parse(process.env.REHEARSAL_PROXY);

let browser;
before(async () => {
  browser = await start();
});
after(() => browser?.close());

async function used(ready, options, use) {
  const { page, trouble, context } = await open(browser, ready.console, options);
  await use(page);
  assert.deepEqual(trouble, []);
  await context.close();
}

const entry = (page, text) => page.locator(".entry", { hasText: text });
const tab = (page, name) => page.getByRole("tab", { name }).click();
const lever = (page, name) => page.getByRole("switch", { name });

// Moves a lever, and waits until the page says that it is so.
async function turn(page, name, on) {
  await lever(page, name).click();
  await page.getByRole("switch", { name, checked: on }).waitFor();
}

test("what an app does behind the proxy is told as it happens, with what the contract says of it", async () => {
  await used(proxy, {}, async (page) => {
    const app = await client(proxy);
    await app.ask("/api/positions");
    await entry(page, "/api/positions").last().click();
    const details = page.locator(".details");
    await details.locator("pre.json").first().waitFor();
    assert.match(await details.innerText(), /the resource positions[\s\S]*trading[\s\S]*allowed/);
    assert.equal(await details.getByRole("button", { name: "Copy as curl" }).count(), 1);
    assert.match(await page.getByRole("status", { name: "Scope" }).innerText(), /0\s*forbidden[\s\S]*judged/);
    // A write that nobody declared is kept from the backend, and found at once.
    const answer = await app.ask("/api/positions/1/close", { method: "POST" });
    assert.equal(answer.status, 403);
    await page.locator(".found", { hasText: "SCOPE-2" }).waitFor();
    await page.locator(".found button", { hasText: "SCOPE-2" }).click();
    await details.getByText("Evidence of").first().waitFor();
  });
});

test("what does not keep the contract’s schema is told of an answer and of an event", async () => {
  const app = await client(mock);
  const post = (path, body) => fetch(`${mock.operator}${path}`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  const socket = await app.listen(["websocket"]);
  await used(mock, {}, async (page) => {
    const details = page.locator(".details");
    // In an empty list there is nothing else of that name.
    const looked = async (text, act) => {
      await page.getByRole("button", { name: "Clear", exact: true }).click();
      await act();
      // The lever that pushes stands there as well.
      await page.locator(".entry", { hasText: text, hasNotText: "push " }).last().click();
    };
    await looked("/api/positions", () => app.ask("/api/positions"));
    await details.getByText("It keeps the contract’s schema").waitFor();
    await post("/malform", { resource: "positions", as: "list-as-object" });
    await looked("/api/positions", () => app.ask("/api/positions"));
    await details.locator(".unkept code", { hasText: "/positions" }).first().waitFor();
    await post("/malform", { resource: "positions", as: "good" });
    await looked("health_update", () => post("/push", { event: "health_update", payload: { health: { status: 7 } } }));
    await details.locator(".unkept code", { hasText: "/health/status" }).waitFor();
    assert.deepEqual(await violations(page), []);
  });
  socket.close();
});

test("what is looked for is found by text, service, role, status, event and kind", async () => {
  const app = await client(proxy);
  await app.ask("/api/positions");
  await app.ask("/api/nothing");
  const socket = await app.listen(["websocket"]);
  await used(proxy, {}, async (page) => {
    await entry(page, "subscribe").last().waitFor();
    const shown = () => page.locator(".entry").allInnerTexts();
    const all = (pattern) => page.waitForFunction((source) => {
      const texts = [...document.querySelectorAll(".entry")].map((one) => one.textContent);
      return texts.length > 0 && texts.every((text) => new RegExp(source).test(text));
    }, pattern);
    const reset = () => page.getByRole("button", { name: "show all" }).click();
    await page.keyboard.press("/");
    await page.keyboard.type("nothing");
    await all("nothing");
    await page.keyboard.press("Escape");
    await reset();
    await page.getByLabel("Status").selectOption("4");
    await all("^[\\d:.]+4\\d\\d");
    await reset();
    await page.getByLabel("Role").selectOption("positions");
    await all("positions");
    await reset();
    await page.getByLabel("Service").selectOption("platform");
    await all("platform");
    await reset();
    await page.getByLabel("Event").selectOption("subscribe");
    await all("subscribe");
    await reset();
    await page.getByLabel("Class").selectOption("undeclared-write");
    await all("close");
    await reset();
    await page.getByRole("button", { name: "Packets" }).click();
    await all("socket|↑|↓");
    await page.getByRole("button", { name: "Packets" }).click();
    await page.getByRole("button", { name: "Pause" }).click();
    const before = (await shown()).length;
    await app.ask("/api/nothing");
    await page.getByRole("button", { name: /Paused, \d+ new/ }).click();
    await page.getByRole("button", { name: "Pause" }).waitFor();
    assert.ok((await shown()).length >= before);
    await page.getByRole("button", { name: "Clear" }).click();
    await page.getByText("0 entries").waitFor();
  });
  socket.close();
});

test("keys search, choose, close and explain themselves", async () => {
  const app = await client(proxy);
  for (let at = 0; at < 3; at += 1) await app.ask("/api/positions");
  await used(proxy, {}, async (page) => {
    await entry(page, "/api/positions").first().waitFor();
    await page.locator("body").click({ position: { x: 300, y: 5 } });
    await page.keyboard.press("ArrowDown");
    const selected = page.locator('.entry[aria-selected="true"]');
    const first = await selected.getAttribute("id");
    await page.keyboard.press("ArrowDown");
    assert.notEqual(await selected.getAttribute("id"), first);
    await page.keyboard.press("ArrowUp");
    assert.equal(await selected.getAttribute("id"), first);
    await page.keyboard.press("Escape");
    await page.waitForSelector(".details", { state: "detached" });
    await page.keyboard.press("/");
    assert.equal(await page.evaluate(() => document.activeElement.id), "search");
    await page.keyboard.press("Escape");
    await page.keyboard.press("?");
    await page.waitForSelector("dialog[open]");
    await page.keyboard.press("Escape");
    await page.waitForSelector("dialog[open]", { state: "detached" });
    await page.getByRole("tab", { name: "Now" }).focus();
    await page.keyboard.press("ArrowRight");
    assert.equal(await page.getByRole("tab", { name: "Levers" }).getAttribute("aria-selected"), "true");
  });
});

test("each switch of the proxy does what it says", async () => {
  const app = await client(proxy);
  const status = async () => (await app.fetch("platform", "/api/v1/status?product=tradedesk")).json();
  const gone = () => app.ask("/api/positions").then(() => false, () => true);
  await used(proxy, {}, async (page) => {
    await tab(page, "Levers");
    await turn(page, /^Maintenance/, true);
    assert.equal((await status()).maintenance.enabled, true);
    await turn(page, /^Maintenance/, false);
    assert.equal((await status()).maintenance.enabled, false);

    await turn(page, "Stop trading", true);
    const stopped = await app.ask("/api/positions").then(({ status: own }) => own, () => "cut");
    assert.ok(stopped === "cut" || stopped >= 502, String(stopped));
    await turn(page, "Stop trading", false);
    assert.equal((await app.ask("/api/positions")).status, 200);

    await turn(page, "Airplane mode", true);
    assert.equal(await gone(), true);
    await turn(page, "Airplane mode", false);
    assert.equal(await gone(), false);

    await turn(page, "Block upgrade", true);
    assert.ok((await app.listen(["websocket"])) instanceof Error);
    await turn(page, "Block upgrade", false);
    const socket = await app.listen(["websocket"]);
    assert.ok(socket.connected);
    const cut = new Promise((done) => socket.on("disconnect", done));
    await turn(page, "Block socket", true);
    await cut;
    assert.ok((await app.listen(["polling"])) instanceof Error);
    await turn(page, "Block socket", false);
    const again = await app.listen(["polling"]);
    assert.ok(again.connected);
    const dropped = new Promise((done) => again.on("disconnect", done));
    await page.getByRole("button", { name: "Drop sockets" }).click();
    await dropped;
    await page.getByRole("button", { name: "Expire tokens" }).click();
    await page.getByText("expire-tokens").first().waitFor();
    assert.equal((await app.ask("/api/positions")).status, 401);
    await app.signIn();
  });
});

for (const [name, desk] of [["proxy", proxy], ["mock", mock]]) test(`faults at the ${name} begin, stand there with their state, and end`, async () => {
  const app = await client(desk);
  await used(desk, {}, async (page) => {
    await tab(page, "Levers");
    const begin = async (on, kind, field, value) => {
      await page.getByRole("combobox", { name: "Requests" }).selectOption(on);
      await page.getByRole("combobox", { name: "Fault" }).selectOption(kind);
      if (field) await page.getByRole("textbox", { name: field }).fill(value);
      await page.getByRole("button", { name: "Begin" }).first().click();
      await page.getByRole("button", { name: `End the fault on ${on}` }).waitFor();
    };
    const end = async (on) => {
      await page.getByRole("button", { name: `End the fault on ${on}` }).click();
      await page.getByRole("button", { name: `End the fault on ${on}` }).waitFor({ state: "detached" });
    };
    await begin("data", "respond", "Status", "503");
    assert.equal((await app.ask("/api/positions")).status, 503);
    await end("data");
    await begin("positions", "delay", "By", "300ms");
    const began = performance.now();
    assert.equal((await app.ask("/api/positions")).status, 200);
    assert.ok(performance.now() - began >= 300);
    await end("positions");
    await begin("any", "portal");
    const portal = await app.ask("/api/positions");
    assert.match(portal.headers.get("content-type"), /text\/html/);
    await end("any");
    assert.equal((await app.ask("/api/positions")).status, 200);
  });
});

test("an event is pushed with the payload that was edited, and acknowledgements are shown", async () => {
  const app = await client(mock);
  const socket = await app.listen(["websocket"]);
  socket.on("health_update", (...args) => args.findLast((one) => typeof one === "function")?.({ seen: "yes" }));
  await used(mock, {}, async (page) => {
    await tab(page, "Push");
    await page.locator("#panel").getByRole("combobox", { name: "Event" }).selectOption("health_update");
    const payload = page.getByLabel(/^Payload/);
    await page.waitForFunction(() => document.querySelector("textarea").value.includes("health"));
    await payload.fill("{ not json");
    assert.equal(await page.getByRole("button", { name: "Push", exact: true }).isDisabled(), true);
    await payload.fill('{"health": {"status": "down", "lagMs": 4711}}');
    const heard = new Promise((done) => socket.on("health_update", (own) => own?.health?.lagMs === 4711 && done(own)));
    await page.getByRole("button", { name: "Push", exact: true }).click();
    assert.equal((await heard).health.status, "down");
    await page.getByRole("status", { name: "What came of it" }).getByText("sockets").waitFor();
    await page.getByRole("button", { name: "Ask for acks" }).click();
    await page.getByRole("status", { name: "What came of it" }).getByText("seen").waitFor();
  });
  socket.close();
});

test("the mock says who is there and has its levers, those of the way to it, too", async () => {
  const app = await client(mock);
  const socket = await app.listen(["polling"]);
  await used(mock, {}, async (page) => {
    await page.locator(".card", { hasText: "Signed in" }).getByText("tester-a").waitFor();
    await page.locator(".card", { hasText: "Sockets" }).getByText("polling").first().waitFor();
    await tab(page, "Levers");
    await turn(page, "Airplane mode", true);
    assert.equal(await app.ask("/api/positions").then(() => false, () => true), true);
    await turn(page, "Airplane mode", false);
    assert.equal((await app.ask("/api/positions")).status, 200);
    await turn(page, "Stop trading", true);
    assert.equal(await app.ask("/api/positions").then(() => false, () => true), true);
    await turn(page, "Stop trading", false);
    assert.equal((await app.ask("/api/positions")).status, 200);
    await page.getByRole("textbox", { name: "Keep the world as" }).fill("morning");
    await page.getByRole("button", { name: "Keep" }).click();
    await page.getByRole("button", { name: "Go back to morning" }).click();
    await page.getByText("restored").first().waitFor();
  });
  socket.close();
});

test("what was sent with script in every field is shown and never run", async () => {
  const evil = `<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>`;
  for (const ready of [mock, proxy]) {
    const app = await client(ready);
    await app.ask(`/api/${encodeURIComponent(evil)}?x=${encodeURIComponent(evil)}`, { headers: { "x-evil": evil, "user-agent": evil } });
    await app.ask("/api/positions", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ [evil]: evil }) });
    await app.ask("/api/positions", { method: "POST", headers: { "content-type": "text/html" }, body: evil });
    const socket = await app.listen(["websocket"]);
    socket.emit(evil, { [evil]: evil });
    await fetch(`${ready.operator ?? ready.control}/push`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ event: "health_update", payload: { health: { status: evil, lagMs: 1 } } }) });
    if (ready === proxy) await fetch(`${ready.control}/app`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ user: evil }) });
    await used(ready, {}, async (page) => {
      await entry(page, "health_update").last().waitFor();
      await page.getByLabel("Search").fill(evil.slice(0, 12));
      await page.getByLabel("Search").fill("");
      await page.getByRole("button", { name: "Follow" }).click();
      const count = await page.evaluate(() => document.querySelectorAll(".entry").length);
      for (let at = 0; at < count; at += 1) {
        await page.locator(".entry").nth(at).click();
        await page.locator(".details").waitFor();
        for (const summary of await page.locator(".details summary").all()) await summary.click();
      }
      assert.equal(await page.evaluate(() => window.hacked), undefined);
      assert.equal(await page.locator("#page img, #page script").count(), 0);
    });
    socket.close();
  }
});

test("a connection that breaks off is taken up again and nothing is missed", async () => {
  const app = await client(proxy);
  const way = await relay(new URL(proxy.console).port);
  await used({ ...proxy, console: way.url }, {}, async (page) => {
    await way.cut();
    await page.getByText("not reached, trying again").waitFor();
    for (let at = 0; at < 5; at += 1) await app.ask(`/api/missed-${at}`);
    await way.mend();
    await page.getByText("live", { exact: true }).waitFor();
    await page.getByLabel("Search").fill("missed-");
    await page.waitForFunction(() => document.querySelectorAll(".entry").length === 5);
  });
  await way.cut();
});

test("a hundred thousand entries stay in the list, and few of them in the page", async (context) => {
  const lines = Array.from({ length: 100_000 }, (_, at) => {
    const own = { id: at + 1, at_us: at * 1000, fact: { frame: { socket: 1, direction: "down", transport: "websocket", bytes: 90, packet: { event: { namespace: "/", name: `tick-${at % 50}`, args: { json: { value: [{ at }], bytes: 20 } } } } } } };
    return `id: ${at + 1}\nevent: frame\ndata: ${JSON.stringify(own)}\n\n`;
  }).join("");
  let told = false;
  const prepare = (page) => page.route("**/api/journal", (route) => {
    if (told) return new Promise(() => {});
    told = true;
    return route.fulfill({ contentType: "text/event-stream", headers: { "x-rehearsal-tape": "1" }, body: lines });
  });
  const { page, context: tabs } = await open(browser, proxy.console, { prepare });
  await page.getByText(/^100.000 entries$/).waitFor();
  assert.ok((await page.locator(".entry").count()) < 100);
  const computed = await page.evaluate(async () => {
    const list = document.querySelector(".entries");
    const spent = [];
    for (let frame = 0; frame < 120; frame += 1) {
      list.scrollTop = frame * 20_000;
      const begun = performance.now();
      list.dispatchEvent(new Event("scroll"));
      await new Promise(requestAnimationFrame);
      spent.push(performance.now() - begun);
    }
    return spent.sort((a, b) => a - b);
  });
  context.diagnostic(`a frame while scrolling each ${computed[60].toFixed(1)} ms, p95 ${computed[114].toFixed(1)} ms`);
  await page.getByLabel("Search").fill("tick-7 ");
  await page.getByLabel("Event").selectOption("tick-7");
  await page.getByText(/^2.000 of 100.000$/).waitFor();
  await tabs.close();
});

test("what happened is saved as lines, as HAR and as a scenario", async () => {
  const app = await client(proxy);
  await app.ask("/api/positions");
  await fetch(`${proxy.control}/mark`, { method: "POST", headers: { "content-type": "application/json" }, body: '{"act": "launch"}' });
  await used(proxy, {}, async (page) => {
    await entry(page, "launch").last().waitFor();
    const saved = async (as) => {
      const [download] = await Promise.all([page.waitForEvent("download"), page.getByLabel("Save what happened").selectOption(as)]);
      return readFileSync(await download.path(), "utf8");
    };
    const journal = (await saved("journal")).trim().split("\n").map((line) => JSON.parse(line));
    assert.ok(journal.some(({ fact }) => fact?.request));
    const har = JSON.parse(await saved("har"));
    assert.ok(har.log.entries.some(({ request, response }) => request.url.endsWith("/api/positions") && response.status === 200));
    const scenario = await saved("scenario");
    assert.match(scenario, /- do: launch/);
    assert.match(scenario, /- expect: \{ request: positions \}/);
    // It is one that can be played, as far as a check can tell.
    writeFileSync(join(process.env.REHEARSAL_SUITE, "session.yaml"), scenario);
    const checked = spawnSync(process.env.REHEARSAL_BIN, ["check", process.env.REHEARSAL_SUITE], { encoding: "utf8" });
    assert.equal(checked.status, 0, `${checked.stdout}${checked.stderr}${scenario}`);
  });
});

// What an app reads, once it is as wanted.
async function until(read, wanted) {
  for (;;) {
    const found = await read();
    if (wanted(found)) return found;
    await new Promise((done) => setTimeout(done, 50));
  }
}

test("rows of the world are written, the app on the other side has them, and steps are undone and done again", async () => {
  const app = await client(still);
  const socket = await app.listen(["websocket"]);
  const positions = async () => (await (await app.ask("/api/positions")).json()).positions;
  await used(still, {}, async (page) => {
    await tab(page, "World");
    const panel = page.locator("#panel");
    const editor = panel.locator("textarea");
    const said = (text) => page.locator("p.unseen[role=status]", { hasText: text }).waitFor();
    await panel.getByLabel("Account").selectOption("tester-a");
    await panel.getByLabel("Resource").selectOption("positions");
    await panel.getByRole("option", { name: "pos_3a91_02" }).click();
    await page.waitForFunction(() => document.querySelector("#panel textarea")?.value.includes("pos_3a91_02"));
    const row = JSON.parse(await editor.inputValue());

    // What is wrong is said as one types, and is refused by nobody who means it.
    await editor.fill(JSON.stringify({ ...row, side: "SIDEWAYS" }));
    await panel.locator(".unkept code", { hasText: "/side" }).waitFor();
    await panel.getByRole("button", { name: "Save although it is wrong" }).waitFor();
    await editor.fill("{ not json");
    await panel.locator(".why", { hasText: /JSON/ }).waitFor();
    assert.equal(await panel.getByRole("button", { name: /^Save/ }).isDisabled(), true);

    const heard = new Promise((done) => socket.on("price_update", (own) => own.positions.some(({ id, size }) => id === row.id && size === 4711) && done()));
    await editor.fill(JSON.stringify({ ...row, size: 4711 }));
    await panel.locator(".unkept").waitFor({ state: "detached" });
    await panel.getByRole("button", { name: "Save", exact: true }).click();
    await heard;
    await said(`Saved: put positions ${row.id} of tester-a`);
    const size = async () => (await positions()).find(({ id }) => id === row.id)?.size;
    assert.equal(await size(), 4711);

    await page.getByRole("tab", { name: "World" }).focus();
    await page.keyboard.press("Control+z");
    await said(`Undone: put positions ${row.id} of tester-a`);
    assert.equal(await size(), row.size);
    await page.keyboard.press("Control+Shift+z");
    await said(`Done again: put positions ${row.id} of tester-a`);
    assert.equal(await size(), 4711);

    const before = (await positions()).length;
    await panel.getByRole("button", { name: "New row" }).click();
    await page.waitForFunction(() => document.querySelector("#panel textarea")?.value.includes("-new"));
    await panel.getByRole("button", { name: "Add" }).click();
    await said("Saved: add positions");
    assert.equal((await positions()).length, before + 1);
    await panel.getByText(`${before + 1} rows`).waitFor();
    await panel.getByRole("button", { name: "Remove" }).click();
    await said("Removed: remove positions");
    assert.equal((await positions()).length, before);
    await panel.getByRole("button", { name: "Undo" }).click();
    await until(async () => (await positions()).length, (length) => length === before + 1);

    await panel.getByLabel("Account").selectOption("");
    await panel.getByLabel("Resource").selectOption("feature-flags");
    await page.waitForFunction(() => document.querySelector("#panel textarea")?.value.includes("tradingActions"));
    await editor.fill('{"flags": {"tradingActions": true}}');
    await panel.getByRole("button", { name: "Save", exact: true }).click();
    await said("Saved: put feature-flags");
    assert.deepEqual(await (await app.ask("/api/feature-flags")).json(), { flags: { tradingActions: true } });
  });
  socket.close();
});

test("a list of many rows is looked through with few of them in the page", async () => {
  await used(still, {}, async (page) => {
    const rows = (from, limit) => Array.from({ length: limit }, (_, at) => ({ id: `row-${from + at}`, size: from + at }));
    await page.route("**/api/world?*", (route) => {
      const query = new URL(route.request().url()).searchParams;
      const from = Number(query.get("from"));
      return route.fulfill({ json: { resource: query.get("resource"), total: 100_000, from, rows: rows(from, Number(query.get("limit"))) } });
    });
    await tab(page, "World");
    const list = page.getByRole("listbox", { name: /^Rows of/ });
    await list.getByText("row-0", { exact: true }).waitFor();
    await list.focus();
    await list.evaluate((own) => (own.scrollTop = own.scrollHeight));
    await list.getByText("row-99999", { exact: true }).waitFor();
    assert.ok((await list.getByRole("option").count()) < 100);
  });
});

for (const [name, options] of [
  ["light", { colorScheme: "light" }],
  ["dark", { colorScheme: "dark" }],
  ["on a phone", { viewport: { width: 390, height: 844 }, hasTouch: true }],
]) {
  test(`nothing stands in a reader’s way, ${name}`, async () => {
    const app = await client(proxy);
    await app.ask("/api/positions");
    for (const ready of [proxy, mock]) {
      await used(ready, options, async (page) => {
        await page.locator(".entry").first().waitFor();
        for (const panel of ["Now", "Levers", "Push", ...(ready === mock ? ["World"] : [])]) {
          await tab(page, panel);
          if (panel === "World") {
            await page.locator(".rows .entry").first().click();
            await page.locator("#panel textarea").waitFor();
          }
          assert.deepEqual(await violations(page), [], panel);
        }
        await page.getByRole("button", { name: "Requests" }).click();
        await entry(page, "GET").first().click();
        await page.locator(".details pre").first().waitFor();
        assert.deepEqual(await violations(page), [], "details");
        assert.ok((await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)) <= 0, "it is no wider than the screen");
      });
    }
  });
}

// The last one, because nobody answers after it.
test("a session that is ended shows its verdict", async () => {
  const { page, trouble } = await open(browser, proxy.console);
  await tab(page, "Levers");
  await page.getByRole("button", { name: "End it, with the verdict" }).click();
  await page.getByText("the session has ended").waitFor();
  await tab(page, "Now");
  // A write that nobody declared was sent above.
  await page.locator(".ended", { hasText: "Failed" }).waitFor();
  assert.deepEqual(trouble, []);
});
