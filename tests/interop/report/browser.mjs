// Chromium with the pages of a run, as somebody opens them from the disk.

import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export async function start() {
  const browser = await chromium.launch({
    executablePath: process.env.REHEARSAL_CHROMIUM ?? "/usr/bin/chromium",
    // Root, as CI often is, has no sandbox; the pages are our own.
    args: ["--no-sandbox"],
  });
  return browser;
}

// Opens a page; whatever it says in the console, throws or asks the network for is kept in `trouble`.
export async function open(browser, name, { hash = "", ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  // Only what hangs for good comes to feel it, on a machine that is very busy.
  context.setDefaultTimeout(120_000);
  const page = await context.newPage();
  const trouble = [];
  page.on("console", (message) => trouble.push(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => trouble.push(error.stack));
  page.on("request", (request) => {
    if (!request.url().startsWith("file://") || request.url().includes("/x")) trouble.push(`asked for ${request.url()}`);
  });
  page.on("dialog", (dialog) => trouble.push(`a dialog: ${dialog.message()}`));
  const url = `file://${join(process.env.REHEARSAL_PAGES, `${name}.html`)}${hash}`;
  await page.goto(url);
  await page.waitForSelector("h1");
  return { page, trouble, context };
}

// What axe finds wrong with the page as it is.
export async function violations(page) {
  // The page's policy lets in no script, so axe comes by the debugger.
  const session = await page.context().newCDPSession(page);
  await session.send("Runtime.evaluate", { expression: `${axe}; 0` });
  const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html.slice(0, 160)} ${failureSummary}`).join("\n  ")}`);
}
