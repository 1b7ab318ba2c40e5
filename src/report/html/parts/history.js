// What past runs came to: a mark for each, how long things took, since when something fails.

import { html, useSignal } from "./view.js";
import { Words } from "./pieces.js";
import { count, day, listed, took, verdict } from "./words.js";

// How a mark is drawn, so that it is told from others without its colour: from where down, and whether it is filled.
const MARKED = {
  passed: { top: 8, tone: "good" },
  failed: { top: 0, tone: "bad" },
  errored: { top: 0, tone: "bad", parted: true },
  flaky: { top: 0, tone: "odd", parted: true },
  "unexpected-pass": { top: 4, tone: "bad" },
  "known-failure": { top: 4, tone: "odd" },
  inconclusive: { top: 4, tone: "odd", hollow: true },
  skipped: { top: 12, tone: "quiet" },
  measured: { top: 12, tone: "quiet" },
};
const LEGEND = ["passed", "failed", "flaky", "known-failure", "inconclusive", "errored", "skipped"];
const CELL = 7;
const TALL = 14;
// Of how many things all that is known is written down at once.
const NAMED = 3;

export function History({ history, scenarios, onScenario }) {
  const none = !history
    ? "No history: a run that has a configuration remembers what the runs before it came to."
    : history.runs.length < 2 && `This is the first run of ${history.contract} at ${history.target} that is remembered.`;
  return html`<section id="history" aria-labelledby="history-title"><h2 id="history-title">History</h2>
    ${none ? html`<p class="aside">${none}</p>` : html`<${Nights} history=${history} scenarios=${scenarios} onScenario=${onScenario} />`}
  </section>`;
}

function Nights({ history, scenarios, onScenario }) {
  const { runs } = history;
  const last = runs.at(-1);
  const known = new Set(scenarios.map(({ id }) => id));
  const facts = [
    ["Now", html`${verdict(last.verdict).word}, since ${day(history.verdict_since)}`],
    ["Last green", history.last_green ? day(history.last_green.started) : "never"],
    ["Baseline", history.baseline ? html`${day(history.baseline.started)} <code>${history.baseline.id}</code>` : "none: no run before this one passed"],
  ];
  const opens = (id) => known.has(id) && (() => onScenario(id));
  return html`<p class="aside">${count(runs.length, "run")} of ${history.contract} at ${history.target}, from ${day(runs[0].started)} to ${day(last.started)} (UTC), the oldest first.</p>
    <dl class="facts">${facts.map(([name, told]) => html`<dt>${name}</dt><dd>${told}</dd>`)}<dt>Runs</dt><dd><${Marks} row=${runs.map((run) => run.verdict)} runs=${runs} /></dd></dl>
    <p class="legend aside" aria-hidden="true">${LEGEND.map((name) => html`<span key=${name}><${Mark} name=${name} /> ${verdict(name).word.toLowerCase()}</span>`)}</p>
    <${Things} title="Scenarios" one="scenario" all=${history.scenarios} runs=${runs} opens=${opens} />
    <${Things} title="Rules" one="rule" all=${history.rules} runs=${runs} />
    <${Things} title="Runbook" one="item" all=${history.items} runs=${runs} />
    <${Times} all=${history.figures} />`;
}

// Those of which there is something to say; the rest is made when somebody wants to see it.
function Things({ title, one, all, runs, opens }) {
  const shown = useSignal(false);
  if (all.length === 0) return null;
  const told = all.filter(({ notable }) => notable);
  const rest = all.filter(({ notable }) => !notable);
  const label = `${title} over time`;
  const toggled = (event) => (shown.value = event.currentTarget.open);
  return html`<h3>${title}</h3>
    ${told.length > 0 && html`<${Rows} label=${label} things=${told} runs=${runs} opens=${opens} />`}
    ${rest.length > 0 && html`<details class="rest" onToggle=${toggled}><summary>${count(rest.length, `${told.length ? "more " : ""}${one}`)} of which there is nothing to say</summary>
      ${shown.value && html`<${Rows} label=${`${label}, the rest`} things=${rest} runs=${runs} opens=${opens} />`}</details>`}`;
}

function Rows({ label, things, runs, opens }) {
  const sorted = [...things].sort((a, b) => failing(b) - failing(a) || (b.last_seen ?? "").localeCompare(a.last_seen ?? ""));
  return html`<ul class="past" aria-label=${label}>${sorted.map((own) => html`<li key=${own.id}>
    <span class="what"><${Name} thing=${own} open=${opens?.(own.id)} /></span>
    <${Marks} row=${own.row} runs=${runs} />
    ${own.values_ms ? html`<${Trend} of=${own.id} values=${own.values_ms} />` : html`<span class="trend"></span>`}
    <span class="known aside">${known(own).map((line) => html`<span class="line"><${Words} text=${line} /></span>`)}</span></li>`)}</ul>`;
}

const failing = (own) => Number(own.first_seen !== null && own.fixed === null);

function Name({ thing, open }) {
  const { id, title } = thing;
  return html`${open ? html`<button type="button" class="link" onClick=${open}>${id}</button>` : html`<code>${id}</code>`}${title && title !== id && html`<span class="aside title"><${Words} text=${title} /></span>`}`;
}

// In words, what marks do not say.
function known(own) {
  const told = [];
  const [first, last, fixed] = [own.first_seen, own.last_seen, own.fixed].map((at) => at?.slice(0, 10));
  if (fixed) told.push(`failed ${first === last ? `on ${first}` : `from ${first} to ${last}`}, fixed on ${fixed}`);
  else if (first) told.push(`fails since ${first}, ${own.last_good ? `last good on ${own.last_good.slice(0, 10)}` : "never good"}`);
  else if (!own.last_good) told.push("never tested");
  if (own.flaky > 0) told.push(`flaky ${own.flaky} of ${own.tested} times (${Math.round(own.flake_rate * 100)} %)`);
  if (own.untested_nights > 0) told.push(`not tested for ${count(own.untested_nights, "night")}`);
  const now = own.last;
  if (now && !["passed", "known-failure", "measured"].includes(now.verdict)) told.push([now.class, now.note].filter(Boolean).join(": "));
  return told.filter(Boolean);
}

// A mark for each run. Names and days are told to whoever cannot see them.
function Marks({ row, runs }) {
  const hovered = (event) => {
    const { left, width } = event.currentTarget.getBoundingClientRect();
    const at = Math.min(row.length - 1, Math.max(0, Math.floor(((event.clientX - left) / width) * row.length)));
    event.currentTarget.setAttribute("title", `${day(runs[at].started)}: ${row[at] ?? "the run says nothing of it"}`);
  };
  const shapes = Object.keys(MARKED).map((name) => [name, row.flatMap((own, at) => (own === name ? [at] : []))]).filter(([, places]) => places.length > 0);
  return html`<span class="marks" role="img" aria-label=${tallyOf(row, runs)} onPointerMove=${hovered}><svg aria-hidden="true" viewBox=${`0 0 ${row.length * CELL} ${TALL}`} preserveAspectRatio="none" style=${{ width: `${row.length * CELL}px` }}>
    ${shapes.map(([name, places]) => html`<${Shape} name=${name} places=${places} />`)}</svg></span>`;
}

function Mark({ name }) {
  return html`<svg class="mark-of" aria-hidden="true" viewBox=${`0 0 ${CELL} ${TALL}`}><${Shape} name=${name} places=${[0]} /></svg>`;
}

function Shape({ name, places }) {
  const { top, tone, hollow, parted } = MARKED[name];
  const box = (x, from, to) => `M${x} ${from}h5v${to - from}h-5z`;
  const drawn = (at) => {
    const x = at * CELL + 1;
    if (hollow) return `M${x + 0.75} ${top + 0.75}h3.5v${TALL - top - 1.5}h-3.5z`;
    return parted ? box(x, top, 5) + box(x, 9, TALL) : box(x, top, TALL);
  };
  return html`<path class=${`${tone} ${hollow ? "hollow" : ""}`} d=${places.map(drawn).join("")} />`;
}

function tallyOf(row, runs) {
  const names = [...new Set(row)].map((name) => [name, row.flatMap((own, at) => (own === name ? [at] : []))]);
  const told = names.sort(([, a], [, b]) => b.length - a.length).map(([name, places]) => {
    const word = name === null ? "without a word of it" : verdict(name).word.toLowerCase();
    const days = name === "passed" || name === null || places.length > NAMED ? "" : ` (${places.map((at) => day(runs[at].started)).join(", ")})`;
    return `${places.length} ${word}${days}`;
  });
  return `${count(row.length, "run")}: ${listed(told, 9)}`;
}

// How long it took from run to run: a line, and in numbers the least, the last and the most.
function Trend({ of, values, bare }) {
  const there = values.filter((value) => value !== null);
  if (there.length === 0) return html`<span class="zero">–</span>`;
  const [least, most, last] = [Math.min(...there), Math.max(...there), there.at(-1)];
  const label = `${of}: least ${took(least)}, last ${took(last)}, most ${took(most)}`;
  const range = least === most ? "" : ` (${took(least)} to ${took(most)})`;
  return html`<span class="trend"><svg class="spark" role="img" aria-label=${label} viewBox="0 0 100 16" preserveAspectRatio="none"><path d=${line(values, least, most)} /></svg>${!bare && html`<span>${took(last)}<span class="aside">${range}</span></span>`}</span>`;
}

// Where a run has no value, the line has a gap; a value alone is a dash.
function line(values, least, most) {
  const step = 100 / Math.max(1, values.length - 1);
  const y = (value) => (most === least ? 8 : 15 - ((value - least) / (most - least)) * 14).toFixed(1);
  let path = "";
  values.forEach((value, at) => {
    if (value === null) return;
    const goes = at > 0 && values[at - 1] !== null;
    path += `${goes ? "L" : "M"}${(at * step).toFixed(1)} ${y(value)}${goes ? "" : "h0.8"}`;
  });
  return path;
}

// Latencies, ages of shown data and how long it took to change over.
function Times({ all }) {
  if (all.length === 0) return null;
  const spread = (own) => {
    const there = own.values_ms.filter((value) => value !== null);
    return there.length === 0 ? ["–", "–", "–"] : [Math.min(...there), there.at(-1), Math.max(...there)].map(took);
  };
  const sorted = [...all].sort((a, b) => b.notable - a.notable);
  return html`<h3>Figures</h3><p class="aside">The time that 95 of 100 did not exceed. What is usual is the median of the 20 before the last one.</p>
    <div class="wide" tabindex="0" role="region" aria-label="Figures over time"><table class="numbers trends">
    <thead><tr><th scope="col">Figure</th><th scope="col">From run to run</th>${["Least", "Last", "Most", "Usual"].map((head) => html`<th scope="col" class="number">${head}</th>`)}</tr></thead>
    <tbody>${sorted.map((own) => html`<tr key=${own.name}><th scope="row"><code>${own.name}</code></th><td><${Trend} of=${own.name} values=${own.values_ms} bare=${true} /></td>
      ${spread(own).map((value, at) => html`<td class="number">${at === 1 && own.notable ? html`<strong>${value}</strong>` : value}</td>`)}<td class="number">${own.usual_ms === null ? "–" : took(own.usual_ms)}</td></tr>`)}</tbody></table></div>`;
}
