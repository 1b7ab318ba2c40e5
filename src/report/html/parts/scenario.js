// One scenario: what was found, the timeline, and every entry behind it.

import { html, useEffect, useComputed, useRef } from "./view.js";
import { VerdictMark, Words, Search, Select } from "./pieces.js";
import { Lanes, axisOf, zoomed, windowed } from "./lanes.js";
import { lowest } from "./listing.js";
import { Entries, LANES, chosen } from "./entries.js";
import { Details } from "./details.js";
import { Findings } from "./findings.js";
import { took, count, grouped, moment } from "./words.js";

export function ScenarioPage({ store, scenario }) {
  useEffect(() => {
    store.opened.value = null;
    store.open(scenario);
    document.getElementById("title")?.focus({ preventScroll: true });
    scrollTo(0, 0);
  }, [scenario]);
  const opened = store.opened.value?.scenario === scenario ? store.opened.value : null;
  const select = (id) => store.go(scenario.id, id);
  // From far away, what is chosen is brought before the eyes.
  const show = (id) => {
    select(id);
    document.querySelector(".lanes")?.scrollIntoView();
  };
  const current = scenario.findings.findIndex((finding) => finding.evidence.at(-1)?.id === store.route.value.entry);
  const at = store.report.scenarios.indexOf(scenario);
  const [before, after] = [store.report.scenarios[at - 1], store.report.scenarios[at + 1]];
  return html`<main id="content" class="scenario">
    <nav class="near" aria-label="Scenarios"><a href="#" onClick=${(event) => { event.preventDefault(); store.go(null); }}>← Report</a>
      <span>${before && html`<${Near} store=${store} to=${before} word="Previous" />`}${after && html`<${Near} store=${store} to=${after} word="Next" />`}</span></nav>
    <header class="hero">
      <p><${VerdictMark} name=${scenario.verdict} /></p>
      <h1 id="title" tabindex="-1">${scenario.name}</h1>
      <p class="aside">${[scenario.id, scenario.file, scenario.verdict === "skipped" ? "" : `${took(scenario.duration_virtual_ms)}${store.report.virtual_time ? " of virtual time" : ""}`, count(scenario.journal_entries, "entry", "entries"),
        ...scenario.runbook, ...(scenario.tags ?? [])].filter(Boolean).map((word, number) => html`${number ? " · " : ""}<span>${word}</span>`)}</p>
      ${scenario.reason && html`<p class="lead"><${Words} text=${scenario.reason} /></p>`}
      ${scenario.class && html`<p class="aside">Class: <strong>${scenario.class.name}</strong>, by <${Words} text=${scenario.class.evidence} /></p>`}
    </header>
    ${scenario.findings.length > 0 && html`<section aria-labelledby="findings-title"><h2 id="findings-title">Findings</h2>
      <${Findings} scenario=${scenario} current=${current} onEntry=${show} /></section>`}
    ${opened ? html`<${Journal} store=${store} opened=${opened} onEntry=${select} onShow=${show} />` : html`<p class="aside" role="status">Opening the journal …</p>`}
    <${Remarks} scenario=${scenario} />
  </main>`;
}

function Near({ store, to, word }) {
  return html`<a href=${`#${encodeURIComponent(to.id)}`} title=${to.name} onClick=${(event) => { event.preventDefault(); store.go(to.id, null); }}>${word}</a> `;
}

function Journal({ store, opened, onEntry, onShow }) {
  const { journal, story, steps, scenario, omitted } = opened;
  const { entries, view, axis, selected } = store;
  const filter = useComputed(() => chosen(journal, { text: entries.text.value, lanes: entries.lanes.value, bad: entries.bad.value, device: entries.device.value }));
  const cited = new Set(scenario.findings.flatMap((finding) => finding.evidence.map(({ id }) => journal.places.get(id))));
  const select = (row) => onEntry(journal.id[row]);
  const keys = useRef(null);
  useEffect(() => hearKeys({ store, journal, story, rows: filter, select, help: keys }), [journal]);
  // A link to an entry leads to it.
  useEffect(() => {
    if (selected.value !== null) document.querySelector(".lanes")?.scrollIntoView({ behavior: "instant" });
  }, [journal]);
  // What is chosen is brought into the window, unless it is there.
  useEffect(() => {
    const row = selected.value;
    if (row === null) return;
    const { of, length } = axisOf(journal, axis.value);
    const [place, { from, to }] = [of(row) / length, view.value];
    if (place < from || place > to) view.value = windowed(place - (to - from) / 2, place + (to - from) / 2, length);
    store.said.value = `Entry ${journal.id[row]}: ${journal.line[row]}`;
  }, [selected.value, journal]);
  if (journal.length === 0) return html`<p class="aside">There is no journal of it in this page.</p>`;
  const row = selected.value;
  const zoom = (factor) => (view.value = zoomed(view.value, factor, 0.5, axisOf(journal, axis.value).length));
  const lanes = entries.lanes.value;
  const toggle = (key) => {
    const next = new Set(lanes);
    if (!next.delete(key)) next.add(key);
    entries.lanes.value = next;
  };
  return html`<section aria-labelledby="timeline-title">
      <div class="title"><h2 id="timeline-title">Timeline</h2>
        <div class="tools" role="group" aria-label="Timeline">
          <button type="button" onClick=${() => zoom(1.6)} aria-label="Zoom out">−</button><button type="button" onClick=${() => zoom(0.625)} aria-label="Zoom in">+</button><button type="button" onClick=${() => (view.value = { from: 0, to: 1 })}>All</button>
          <button type="button" aria-pressed=${axis.value === "order" ? "true" : "false"} onClick=${() => turnAxis(store, journal)} title="Where much happens in one instant, the order shows more than the time">By order</button>
          <button type="button" onClick=${() => keys.current.showModal()}>Keys</button>
        </div></div>
      <p id="keys-hint" class="unseen">Arrow keys up and down choose entries, left and right move the timeline, plus and minus zoom, n and p go to findings.</p>
      <${Lanes} journal=${journal} story=${story} view=${view} axis=${axis} selected=${selected} theme=${store.theme} onSelect=${select} />
    </section>
    <section aria-labelledby="entries-title">
      <h2 id="entries-title">Entries</h2>
      <form class="filters" role="search" aria-label="Entries" onSubmit=${(event) => event.preventDefault()}>
        <${Search} label="Search" id="entry-search" value=${entries.text.value} onInput=${(text) => (entries.text.value = text)} />
        ${journal.devices.length > 1 && html`<${Select} label="Device" value=${entries.device.value} options=${[["", "every device"], ...journal.devices.map((name) => [name, name])]} onChange=${(device) => (entries.device.value = device)} />`}
        <div class="chips" role="group" aria-label="Kinds of entries">${LANES.map(([key, word]) => html`<button type="button" class="chip" aria-pressed=${lanes.has(key) ? "true" : "false"} onClick=${() => toggle(key)}><span class=${`dot l-${key}`}></span>${word}</button>`)}
          <button type="button" class="chip" aria-pressed=${entries.bad.value ? "true" : "false"} onClick=${() => (entries.bad.value = !entries.bad.value)}>Only what went wrong</button></div>
        <p class="aside" role="status">${filter.value.length === journal.length ? count(journal.length, "entry", "entries") : `${grouped(filter.value.length)} of ${count(journal.length, "entry", "entries")}`}${omitted?.rows ? `; ${grouped(omitted.rows)} more are in the journal only` : ""}${journal.complete ? "" : ": those that findings cite"}</p>
      </form>
      <div class=${`pair ${row === null ? "" : "open"}`}>
        <${Entries} journal=${journal} rows=${filter.value} selected=${row} cited=${cited} onSelect=${select} />
        ${row !== null && html`<${Details} journal=${journal} row=${row} findings=${scenario.findings} link=${(at) => linkTo(scenario.id, journal.id[at])} onSelect=${select} onClose=${() => onEntry(null)} />`}
      </div>
    </section>
    <${Steps} journal=${journal} steps=${steps} onSelect=${(at) => onShow(journal.id[at])} />
    <${Keys} dialog=${keys} />`;
}

function linkTo(scenario, entry) {
  return `${location.href.split("#")[0]}#${encodeURIComponent(scenario)}/${entry}`;
}

function turnAxis({ axis, view }, journal) {
  // What stands in the middle stays there.
  const before = axisOf(journal, axis.value);
  const middle = ((view.value.from + view.value.to) / 2) * before.length;
  let row = 0;
  while (row < journal.length - 1 && before.of(row) < middle) row += 1;
  axis.value = axis.value === "time" ? "order" : "time";
  const after = axisOf(journal, axis.value);
  const half = (view.value.to - view.value.from) / 2;
  view.value = windowed(after.of(row) / after.length - half, after.of(row) / after.length + half, after.length);
}

function Steps({ journal, steps, onSelect }) {
  if (steps.length === 0) return null;
  return html`<section aria-labelledby="steps-title"><h2 id="steps-title">Steps</h2><ol class="steps">
    ${steps.map((step) => html`<li key=${step.number} class=${`t${step.tone}`}><button type="button" onClick=${() => onSelect(step.tone === 3 ? (step.end ?? step.row) : step.row)}>
      <span class="id">${step.number}</span><span class="when">${moment(journal.at[step.row], journal.longest)}</span><code class="line">${step.text}</code>
      <span class=${`mark ${["quiet", "good", "odd", "bad"][step.tone]}`}>${step.tone === 3 ? "✗ not met" : step.end === null ? "… not done" : took((journal.at[step.end] - journal.at[step.row]) / 1000)}</span></button></li>`)}
  </ol></section>`;
}

function Remarks({ scenario }) {
  const lists = [
    ["Remarks", scenario.remarks.map(({ about, remark }) => [about, remark])],
    ["Not judged", scenario.not_judged.map(({ rule, reason }) => [rule, reason])],
  ];
  return html`${lists.filter(([, list]) => list.length > 0).map(([title, list]) => html`<section key=${title}><h2>${title}</h2>
    <dl class="reasons">${list.map(([name, why]) => html`<div><dt class="rule">${name}</dt><dd><${Words} text=${why} /></dd></div>`)}</dl></section>`)}
    ${scenario.levers.length > 0 && html`<section><h2>Levers</h2><p>${scenario.levers.join(", ")}</p></section>`}`;
}

const KEYS = [
  ["↑ ↓", "previous and next entry"], ["← →", "move the timeline"], ["+ −", "zoom"], ["0", "all of it"],
  ["n p", "next and previous finding"], ["o", "axis by time or by order"], ["/", "search entries"], ["Esc", "close the entry"], ["?", "these keys"],
];

function Keys({ dialog }) {
  return html`<dialog ref=${dialog} class="keys" aria-labelledby="keys-title"><h2 id="keys-title">Keys</h2>
    <dl>${KEYS.map(([key, does]) => html`<div><dt>${key.split(" ").map((one) => html`<kbd>${one}</kbd> `)}</dt><dd>${does}</dd></div>`)}</dl>
    <form method="dialog"><button>Close</button></form></dialog>`;
}

// Keys that move act on the timeline and the list; where nothing has the focus they scroll the page, unless an
// entry is chosen.
function hearKeys({ store, journal, story, rows, select, help }) {
  const pan = (by) => {
    const { from, to } = store.view.value;
    store.view.value = windowed(from + by * (to - from), to + by * (to - from), axisOf(journal, store.axis.value).length);
  };
  const zoom = (factor) => {
    const { view, axis, selected } = store;
    const { of, length } = axisOf(journal, axis.value);
    const { from, to } = view.value;
    const place = selected.value === null ? 0.5 : (of(selected.value) / length - from) / (to - from);
    view.value = zoomed(view.value, factor, place >= 0 && place <= 1 ? place : 0.5, length);
  };
  const step = (by) => {
    const now = store.selected.value;
    const list = rows.value;
    if (list.length === 0) return;
    const at = now === null ? (by > 0 ? -1 : list.length) : lowest(list, now) - (by > 0 && list[lowest(list, now)] !== now ? 1 : 0);
    select(list[Math.min(list.length - 1, Math.max(0, at + by))]);
  };
  const finding = (by) => {
    const flags = story.find(({ key }) => key === "findings")?.items.filter(({ tone }) => tone === 3).map(({ row }) => row) ?? [];
    const now = store.selected.value ?? (by > 0 ? -1 : Infinity);
    const next = by > 0 ? flags.find((row) => row > now) ?? flags[0] : flags.findLast((row) => row < now) ?? flags.at(-1);
    if (next !== undefined) select(next);
  };
  const page = () => Math.max(1, Math.floor((document.querySelector(".entries")?.clientHeight ?? 300) / 27) - 1);
  const acts = {
    ArrowDown: () => step(1), ArrowUp: () => step(-1), j: () => step(1), k: () => step(-1),
    PageDown: () => step(page()), PageUp: () => step(-page()), Home: () => select(rows.value[0] ?? 0), End: () => select(rows.value.at(-1) ?? 0),
    ArrowLeft: () => pan(-0.15), ArrowRight: () => pan(0.15), "+": () => zoom(0.625), "=": () => zoom(0.625), "-": () => zoom(1.6),
    0: () => (store.view.value = { from: 0, to: 1 }), n: () => finding(1), p: () => finding(-1), o: () => turnAxis(store, journal),
    "/": () => document.getElementById("entry-search").focus(), "?": () => help.current.showModal(),
  };
  const hear = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || help.current?.open) return;
    const on = event.target;
    const idle = on === document.body || on.id === "title";
    const ours = on.closest(".lanes, .entries") !== null || (idle && store.selected.value !== null);
    if (event.key === "Escape" && store.selected.value !== null && !on.closest("dialog")) {
      store.go(store.route.value.scenario, null);
      return;
    }
    if (/^(?:input|select|textarea)$/i.test(on.tagName)) return;
    const moves = /^(?:Arrow|Page|Home|End)/.test(event.key);
    if (!acts[event.key] || (moves && !ours)) return;
    event.preventDefault();
    acts[event.key]();
  };
  document.addEventListener("keydown", hear);
  return () => document.removeEventListener("keydown", hear);
}
