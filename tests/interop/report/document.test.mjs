// Incident reports and sign-offs, as somebody reads them on a desk, on a phone and on paper.

import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { open, start, violations } from "./browser.mjs";

const DOCUMENTS = ["incident", "nights", "month"];
const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 };
// What A4 leaves between its margins, upright and turned.
const PAPER = { incident: 703, nights: 703, month: 1032 };

let browser;
before(async () => {
  browser = await start();
});
after(() => browser?.close());

async function read(name, options, use) {
  const { page, trouble, context } = await open(browser, name, options);
  await use(page);
  assert.deepEqual(trouble, []);
  await context.close();
}

test("what to know stands first, and what is to be done", async () => {
  await read("incident", {}, async (page) => {
    assert.match(await page.locator("h1").innerText(), /^Incident report: mock on \d{4}-\d\d-\d\d \d\d:\d\d UTC$/);
    assert.match(await page.locator(".banner").innerText(), /^an incident: pull the build: R\.1/);
    assert.match(await page.locator("main").innerText(), /Take the build off/);
    assert.equal(await page.locator("script, img, link, iframe, a").count(), 0);
  });
  await read("nights", {}, async (page) => {
    assert.match(await page.locator(".banner").innerText(), /^incomplete: mock from/);
    assert.match(await page.locator("main").innerText(), /violated in the period: .*S3\.1/);
  });
});

test("axe finds nothing wrong, in light and dark, wide and narrow", async () => {
  for (const name of DOCUMENTS) {
    for (const colorScheme of ["light", "dark"]) {
      for (const viewport of [{ width: 1280, height: 900 }, PHONE.viewport]) {
        await read(name, { colorScheme, viewport }, async (page) => {
          assert.deepEqual(await violations(page), [], `${name} ${colorScheme} ${viewport.width}`);
        });
      }
    }
  }
});

test("a phone scrolls no document sideways, and names stay readable beside their nights", async () => {
  for (const name of DOCUMENTS) {
    await read(name, PHONE, async (page) => {
      assert.ok((await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)) <= 0, `${name} is wider than the phone`);
      const names = await page.locator("tbody th:not(.code)").evaluateAll((all) => all.map((own) => own.clientWidth));
      for (const width of names) assert.ok(width > 75, `${name} has a name of ${width} pixels`);
    });
  }
});

test("on paper nothing is cut, hidden or told by colour alone", async () => {
  for (const name of DOCUMENTS) {
    await read(name, { viewport: { width: PAPER[name], height: 1000 }, colorScheme: "dark" }, async (page) => {
      await page.emulateMedia({ media: "print" });
      const cut = await page.evaluate(() => [...document.querySelectorAll("main *")].filter((own) => {
        const box = own.getBoundingClientRect();
        const meant = own.closest(".word, .alone");
        return !meant && (box.width === 0 || box.right > innerWidth + 1 || own.scrollWidth > own.clientWidth + 1 && own.clientWidth > 0);
      }).map((own) => own.outerHTML.slice(0, 120)));
      assert.deepEqual(cut, [], `${name} is cut`);
      const told = await page.locator("td.good, td.odd, td.bad").allInnerTexts();
      for (const text of told) assert.match(text, /^[✓?✗]/, name);
      const parted = await page.locator("tr").evaluateAll((all) => all.filter((own) => getComputedStyle(own).breakInside !== "avoid").length);
      assert.equal(parted, 0, `${name} breaks rows between pages`);
      const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      assert.match(ground, /rgb\(2[0-9]{2}/, "paper is light");
      assert.ok((await page.pdf({ preferCSSPageSize: true })).length > 10_000);
    });
  }
});
