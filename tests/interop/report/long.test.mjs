// A hundred thousand entries: how soon they are there, and how they scroll. What took how long on the wall is
// printed; what is asserted is the processor's time for a frame, which a busy machine does not lengthen by much.

import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { open, start } from "./browser.mjs";

let browser;
before(async () => {
  browser = await start();
});
after(() => browser?.close());

// Works the page for a while, frame by frame: how far the frames lie apart, and how long the page's own thread
// computed for each of them.
async function frames(page, act) {
  const session = await page.context().newCDPSession(page);
  const events = [];
  session.on("Tracing.dataCollected", ({ value }) => events.push(...value));
  const done = new Promise((resolve) => session.once("Tracing.tracingComplete", resolve));
  await session.send("Tracing.start", { transferMode: "ReportEvents", traceConfig: { includedCategories: ["devtools.timeline", "toplevel"] } });
  const gaps = await page.evaluate(act);
  await session.send("Tracing.end");
  await done;
  const own = new Set(events.filter(({ name }) => name === "FireAnimationFrame").map(({ tid, pid }) => `${pid}/${tid}`));
  const tasks = events.filter(({ name, tid, pid }) => name === "ThreadControllerImpl::RunTask" && own.has(`${pid}/${tid}`));
  assert.ok(tasks.length > gaps.length, "the trace holds what the page did");
  const computed = tasks.reduce((sum, { tdur, dur }) => sum + (tdur ?? dur ?? 0), 0) / 1000;
  return { gaps: sorted(gaps), computed: computed / gaps.length };
}

const sorted = (numbers) => [...numbers].sort((a, b) => a - b);
const share = (numbers, part) => numbers[Math.min(numbers.length - 1, Math.floor(numbers.length * part))] ?? 0;
const spread = (numbers) => `median ${share(numbers, 0.5).toFixed(1)} ms, p95 ${share(numbers, 0.95).toFixed(1)} ms, longest ${share(numbers, 1).toFixed(1)} ms`;
const told = ({ gaps, computed }) => `a frame each ${spread(gaps)}; ${computed.toFixed(1)} ms of computing for each`;

test("they are there in a second, scroll and zoom at the pace of the screen", async (context) => {
  const { page, trouble } = await open(browser, "long");
  const opened = await frames(page, async () => {
    const begun = performance.now();
    location.hash = "#long/50000";
    await new Promise((done) => {
      const look = () => (document.querySelector('.entry[aria-selected="true"]') ? requestAnimationFrame(() => setTimeout(done)) : requestAnimationFrame(look));
      look();
    });
    return [performance.now() - begun];
  });
  context.diagnostic(`opened in ${opened.gaps[0].toFixed(0)} ms, of which ${opened.computed.toFixed(0)} ms of computing`);
  const scrolled = await frames(page, async () => {
    const list = document.querySelector(".entries");
    list.scrollTop = 0;
    const gaps = [];
    let before = performance.now();
    for (let frame = 0; frame < 240; frame += 1) {
      await new Promise(requestAnimationFrame);
      const now = performance.now();
      gaps.push(now - before);
      before = now;
      list.scrollTop += frame % 60 === 59 ? 400_000 : 260;
    }
    return gaps;
  });
  context.diagnostic(`scrolling the list: ${told(scrolled)}`);
  const zoomed = await frames(page, async () => {
    const stage = document.querySelector(".stage");
    const gaps = [];
    let before = performance.now();
    for (let frame = 0; frame < 240; frame += 1) {
      await new Promise(requestAnimationFrame);
      const now = performance.now();
      gaps.push(now - before);
      before = now;
      const { left, top, width } = stage.getBoundingClientRect();
      const way = frame < 120 ? { deltaY: -18, ctrlKey: true } : { deltaX: 30 };
      stage.dispatchEvent(new WheelEvent("wheel", { ...way, clientX: left + width / 2, clientY: top + 50, bubbles: true, cancelable: true }));
    }
    return gaps;
  });
  context.diagnostic(`zooming and moving the timeline: ${told(zoomed)}`);
  const whole = await frames(page, async () => {
    const gaps = [];
    for (let frame = 0; frame < 60; frame += 1) {
      document.querySelector(".stage").dispatchEvent(new KeyboardEvent("keydown", { key: frame % 2 ? "0" : "-", bubbles: true }));
      const before = performance.now();
      await new Promise(requestAnimationFrame);
      gaps.push(performance.now() - before);
    }
    return gaps;
  });
  context.diagnostic(`all of the timeline: ${told(whole)}`);
  assert.ok(await page.locator(".entry").count() < 120, "only what can be seen exists");
  assert.deepEqual(trouble, []);
  assert.ok(opened.computed < 1000, `${opened.computed} ms of computing to open`);
  for (const one of [scrolled, zoomed]) assert.ok(one.computed < 1000 / 60, told(one));
});
