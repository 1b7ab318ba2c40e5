// What people do with the page of a run: read it, click, use keys, follow links, print it.

import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { open, start, violations } from "./browser.mjs";

let browser;
before(async () => {
  browser = await start();
});
after(() => browser?.close());

async function used(name, options, use) {
  const { page, trouble, context } = await open(browser, name, options);
  await use(page);
  assert.deepEqual(trouble, []);
  await context.close();
}

const selected = (page) => page.locator('.entry[aria-selected="true"] .id').innerText();
const hash = (page) => page.evaluate(() => location.hash);
const wide = (page) => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);

test("the verdict, whose fault it is and the scope come first", async () => {
  await used("failing", {}, async (page) => {
    assert.match(await page.locator("h1").innerText(), /1 of 3 scenarios failed: the fault is the app’s/);
    assert.match(await page.locator(".causes").innerText(), /SYNC-1/);
    assert.match(await page.locator("#scope").innerText(), /0\s*forbidden/);
    assert.match(await page.locator("#runbook").innerText(), /Violated/);
    assert.match(await page.title(), /^Failed/);
  });
  await used("clean", {}, async (page) => {
    assert.match(await page.locator("h1").innerText(), /All 3 scenarios passed/);
  });
});

test("scenarios are narrowed by text, verdict, rule and runbook item", async () => {
  await used("failing", {}, async (page) => {
    const shown = () => page.locator(".scenarios li").count();
    const by = (label) => page.locator("#scenarios").getByLabel(label);
    assert.equal(await shown(), 3);
    await page.getByLabel("Search").fill("two users");
    assert.equal(await shown(), 1);
    await page.getByRole("button", { name: "show all" }).click();
    await by("Verdict").selectOption("failed");
    assert.equal(await shown(), 1);
    await by("Rule").selectOption("SYNC-1");
    assert.equal(await shown(), 1);
    await by("Verdict").selectOption("passed");
    assert.equal(await shown(), 0);
    await page.getByRole("button", { name: "show all" }).click();
    await by("Runbook").selectOption("S6.5");
    assert.equal(await shown(), 1);
  });
});

test("a scenario is opened by a click, an entry by a link, and the way back is the browser’s", async () => {
  await used("failing", {}, async (page) => {
    await page.getByRole("link", { name: /Without a socket at all/ }).click();
    await page.waitForSelector(".lanes");
    assert.equal(await hash(page), "#polling-fallback");
    assert.match(await page.locator(".finding").first().innerText(), /SYNC-1[\s\S]*Expected[\s\S]*Observed[\s\S]*Fix/);
    await page.locator(".evidence button").first().click();
    await page.waitForSelector(".details");
    assert.match(await hash(page), /^#polling-fallback\/\d+$/);
    await page.goBack();
    await page.waitForSelector("#scope");
  });
  await used("failing", { hash: "#polling-fallback/21" }, async (page) => {
    await page.waitForSelector(".details");
    assert.match(await selected(page), /#21$/);
    assert.match(await page.locator(".details h3").innerText(), /#21/);
  });
  await used("failing", { hash: "#nothing-like-it" }, async (page) => {
    assert.match(await page.getByRole("alert").innerText(), /There is no scenario nothing-like-it/);
  });
});

test("keys choose entries, go to findings, zoom and move the timeline", async () => {
  await used("failing", { hash: "#polling-fallback/5" }, async (page) => {
    await page.waitForSelector(".details");
    await page.locator(".stage").focus();
    await page.keyboard.press("ArrowDown");
    assert.match(await selected(page), /#6$/);
    await page.keyboard.press("ArrowUp");
    await page.keyboard.press("ArrowUp");
    assert.match(await selected(page), /#4$/);
    await page.keyboard.press("n");
    const finding = await selected(page);
    await page.keyboard.press("n");
    assert.notEqual(await selected(page), finding);
    await page.keyboard.press("p");
    assert.equal(await selected(page), finding);
    await page.keyboard.press("End");
    const last = await selected(page);
    await page.keyboard.press("Home");
    assert.match(await selected(page), /#1$/);
    assert.notEqual(last, "#1");
    const drawn = () => page.locator(".stage").evaluate((canvas) => canvas.toDataURL());
    const settled = () => page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
    for (const key of ["+", "ArrowRight", "-", "o"]) {
      const before = await drawn();
      await page.keyboard.press(key);
      await settled();
      assert.notEqual(await drawn(), before, `${key} changes what is drawn`);
    }
    await page.keyboard.press("/");
    assert.equal(await page.evaluate(() => document.activeElement.id), "entry-search");
    await page.keyboard.press("Escape");
    await page.waitForSelector(".details", { state: "detached" });
    await page.locator(".stage").focus();
    await page.keyboard.press("?");
    await page.waitForSelector("dialog[open]");
    await page.keyboard.press("Escape");
    await page.waitForSelector("dialog[open]", { state: "detached" });
  });
});

test("a click on the timeline opens what is there, and the wheel zooms with a key held", async () => {
  await used("failing", { hash: "#polling-fallback" }, async (page) => {
    await page.waitForSelector(".lanes");
    await page.locator(".stage").scrollIntoViewIfNeeded();
    const box = await page.locator(".stage").boundingBox();
    const lane = await page.locator(".gutter li", { hasText: "feed" }).boundingBox();
    await page.mouse.click(box.x + box.width / 2, lane.y + 9);
    await page.waitForSelector(".details");
    assert.match(await page.locator(".details .said").innerText(), /feed/);
    const drawn = () => page.locator(".stage").evaluate((canvas) => canvas.toDataURL());
    const before = await drawn();
    await page.keyboard.down("Control");
    await page.mouse.wheel(0, -400);
    await page.keyboard.up("Control");
    await page.waitForFunction((old) => document.querySelector(".stage").toDataURL() !== old, before);
  });
});

test("a request shows heads, bodies, role and timing, and is copied as curl", async () => {
  const options = { hash: "#sign-in", permissions: ["clipboard-read", "clipboard-write"] };
  await used("clean", options, async (page) => {
    await page.waitForSelector(".lanes");
    await page.locator("#entry-search").fill("(sign-in)");
    await page.locator(".entry").first().click();
    const details = page.locator(".details");
    await details.getByText("Request id").waitFor();
    const text = await details.innerText();
    assert.match(text, /Role\s+sign-in/);
    assert.match(text, /Took/);
    assert.match(text, /‹password/);
    await details.getByText(/headers/).first().click();
    assert.match(await details.innerText(), /content-type/);
    await details.getByRole("button", { name: "Copy as curl" }).click();
    await details.getByRole("button", { name: "Copied" }).waitFor();
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    assert.match(copied, /^curl --request POST 'http:\/\/[^']+' --header '/);
    assert.match(copied, /--data-raw '\{/);
    await details.getByRole("button", { name: "Copy link" }).click();
    await details.getByRole("button", { name: "Copied" }).last().waitFor();
    assert.match(await page.evaluate(() => navigator.clipboard.readText()), /^file:.*clean\.html#sign-in\/\d+$/);
  });
});

test("entries are narrowed by kind, text and device", async () => {
  await used("clean", { hash: "#two-devices" }, async (page) => {
    await page.waitForSelector(".lanes");
    const shown = async () => (await page.locator(".filters [role=status]").innerText()).replace(/\s/g, " ");
    const all = await shown();
    await page.getByRole("button", { name: "Packets" }).click();
    const packets = await shown();
    assert.notEqual(packets, all);
    await page.getByLabel("Device").selectOption("tablet");
    assert.notEqual(await shown(), packets);
    for (const line of await page.locator(".entry .line").allInnerTexts()) assert.match(line, /^tablet .*socket/);
    await page.locator("#entry-search").fill("no entry says this");
    await page.getByText("Nothing matches.").waitFor();
  });
});

test("the timeline has a lane for each thing that happens side by side", async () => {
  await used("failing", { hash: "#polling-fallback" }, async (page) => {
    await page.waitForSelector(".lanes");
    const lanes = await page.locator(".gutter li").allInnerTexts();
    for (const lane of ["screen", "feed", "socket", "requests", "packets", "faults, levers", "steps", "harness", "findings"]) {
      assert.ok(lanes.includes(lane), `${lane} in ${lanes}`);
    }
  });
});

test("nothing that was said over the wire runs or leaves the page", async () => {
  await used("hostile", {}, async (page) => {
    assert.match(await page.locator("#history .past").innerText(), /<img src=x/);
    assert.equal(await page.locator("#history img").count(), 0);
    await page.locator(".item summary").first().click();
    await page.locator(".kind summary").first().click();
    await page.locator(".scenarios a").click();
    await page.waitForSelector(".lanes");
    const entries = await page.locator(".entry").count();
    assert.equal(entries, 8);
    for (let at = 0; at < entries; at += 1) {
      await page.locator(".entry").nth(at).click();
      await page.waitForSelector(".details pre");
      await page.locator(".details details").evaluateAll((all) => all.forEach((own) => (own.open = true)));
    }
    assert.equal(await page.evaluate(() => window.hit), undefined);
    assert.equal(await page.locator("img, svg, iframe, object, embed, script[src]").count(), 0);
    const links = await page.locator("a").evaluateAll((all) => all.map((link) => link.getAttribute("href")));
    for (const link of links) assert.match(link, /^#/);
  });
});

test("what past nights came to is told in marks, words and trends", async () => {
  await used("nights", { hash: "#/history" }, async (page) => {
    const history = page.locator("#history");
    assert.match(await history.innerText(), /90 runs of Harbour at staging/);
    assert.match(await history.innerText(), /Last green\s+2026-11-28/);
    const rows = history.getByRole("list", { name: "Scenarios over time", exact: true }).getByRole("listitem");
    const told = await rows.allInnerTexts();
    assert.equal(told.length, 4);
    assert.match(told[0], /^long\s[\s\S]*fails since 2026-11-29, last good on 2026-11-28\s+product: SYNC-1/);
    const one = async (name, words) => assert.match(told.find((text) => text.startsWith(name)), words);
    await one("scenario-1", /flaky 1 of 90 times \(1 %\)/);
    await one("scenario-2", /failed from 2026-10-12 to 2026-10-15, fixed on 2026-10-16/);
    await one("scenario-3", /not tested for 10 nights/);
    const marks = rows.first().getByRole("img").first();
    assert.match(await marks.getAttribute("aria-label"), /^90 runs: 88 passed and 2 failed \(2026-11-29 [^)]*\)$/);
    assert.match(await rows.first().getByRole("img").nth(1).getAttribute("aria-label"), /^long: least .*ms, last .*, most .*s$/);
    const rest = history.locator(".rest").first();
    assert.equal(await rest.locator("li").count(), 0);
    await rest.locator("summary").click();
    await rest.locator("li").first().waitFor();
    assert.equal(await rest.locator("li").count(), 41);
    const figures = await history.getByRole("region", { name: "Figures over time" }).innerText();
    assert.match(figures, /Least\s+Last\s+Most\s+Usual/);
    await rows.first().getByRole("button", { name: "long" }).click();
    await page.waitForSelector(".lanes");
  });
  await used("clean", {}, async (page) => {
    assert.match(await page.locator("#history").innerText(), /^History\s+No history: /);
  });
});

test("a phone, paper and axe take the history as well", async () => {
  for (const colorScheme of ["light", "dark"]) {
    await used("nights", { colorScheme, viewport: { width: 390, height: 844 } }, async (page) => {
      await page.locator("#history .rest").evaluateAll((all) => all.forEach((own) => (own.open = true)));
      await page.locator("#history .rest li").first().waitFor();
      assert.ok((await wide(page)) <= 0, "the history is wider than the phone");
      assert.deepEqual(await violations(page), [], colorScheme);
      await page.setViewportSize({ width: 1280, height: 900 });
      assert.deepEqual(await violations(page), [], `${colorScheme}, wide`);
    });
  }
  await used("nights", { viewport: { width: 703, height: 1000 } }, async (page) => {
    await page.emulateMedia({ media: "print" });
    const cut = await page.locator("#history *").evaluateAll((all) => all.filter((own) => own.getBoundingClientRect().right > innerWidth + 1).map((own) => own.outerHTML.slice(0, 99)));
    assert.deepEqual(cut, []);
    const over = await page.locator("#history .trend span").evaluateAll((all) => all.filter((own) => own.getBoundingClientRect().right > own.closest("li").querySelector(".known").getBoundingClientRect().left).length);
    assert.equal(over, 0, "nothing stands on something else");
  });
});

test("axe finds nothing wrong, in light and dark, wide and narrow", async () => {
  for (const colorScheme of ["light", "dark"]) {
    for (const viewport of [{ width: 1280, height: 900 }, { width: 390, height: 844 }]) {
      for (const at of ["", "#polling-fallback", "#polling-fallback/21"]) {
        await used("failing", { hash: at, colorScheme, viewport }, async (page) => {
          if (at) await page.waitForSelector(at.includes("/") ? ".details dl, .details pre" : ".lanes");
          await page.locator("details").evaluateAll((all) => all.forEach((own) => (own.open = true)));
          assert.deepEqual(await violations(page), [], `${colorScheme} ${viewport.width} ${at}`);
        });
      }
    }
  }
});

test("a phone shows everything without scrolling sideways", async () => {
  const phone = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 };
  for (const at of ["", "#polling-fallback", "#polling-fallback/21", "#two-devices"]) {
    await used("failing", { ...phone, hash: at }, async (page) => {
      if (at) await page.waitForSelector(".lanes");
      assert.ok((await wide(page)) <= 0, `${at} is wider than the phone`);
    });
  }
});

test("the colours follow the system, and a switch overrules it for good", async () => {
  await used("clean", { colorScheme: "dark" }, async (page) => {
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const dark = await ground();
    await page.getByRole("button", { name: /Colours/ }).click();
    const light = await ground();
    assert.notEqual(light, dark);
    await page.reload();
    await page.waitForSelector("h1");
    assert.equal(await ground(), light);
    await page.getByRole("button", { name: /Colours/ }).click();
    assert.equal(await ground(), dark);
  });
});

test("on paper there is no control, and what was found is there", async () => {
  await used("failing", { hash: "#polling-fallback" }, async (page) => {
    await page.waitForSelector(".lanes");
    await page.emulateMedia({ media: "print" });
    assert.equal(await page.locator(".tools").isVisible(), false);
    assert.equal(await page.locator(".finding").first().isVisible(), true);
    assert.ok((await page.pdf()).length > 10_000);
  });
});

test("nothing is cut on paper, and what was folded up is open there", async () => {
  // What A4 leaves between its margins.
  const paper = { viewport: { width: 703, height: 1000 } };
  for (const at of ["", "#polling-fallback"]) {
    await used("failing", { ...paper, hash: at }, async (page) => {
      if (at) await page.waitForSelector(".lanes");
      await page.emulateMedia({ media: "print" });
      await page.evaluate(() => dispatchEvent(new Event("beforeprint")));
      const folded = ".group:not([open]), .symptoms:not([open]), .notes:not([open])";
      assert.equal(await page.locator(folded).count(), 0);
      const cut = await page.evaluate(() => [...document.querySelectorAll("main *")].filter((own) => {
        const box = own.getBoundingClientRect();
        const seen = box.width > 0 && !own.closest(".unseen");
        return seen && (box.right > innerWidth + 1 || (own.clientWidth > 0 && own.scrollWidth > own.clientWidth + 1));
      }).map((own) => own.outerHTML.slice(0, 120)));
      assert.deepEqual(cut, [], `${at} is cut`);
      const parted = await page.locator("tr, .item, .steps li, .finding").evaluateAll((all) => all.filter((own) => getComputedStyle(own).breakInside !== "avoid").length);
      assert.equal(parted, 0, "rows are not broken between pages");
      await page.evaluate(() => dispatchEvent(new Event("afterprint")));
      assert.ok(at || (await page.locator(folded).count()) > 0, "what was folded up is again");
    });
  }
});
