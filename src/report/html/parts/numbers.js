// Figures and coverage: what was measured, and what of the contract was put to the test.

import { html } from "./view.js";
import { Words } from "./pieces.js";
import { took, grouped, count } from "./words.js";

export function Figures({ figures, virtual }) {
  const routes = Object.entries(figures.routes ?? {});
  const fresh = Object.entries(figures.freshness ?? {});
  const times = [["fall back to polling", figures.time_to_fallback], ["return to the socket", figures.time_to_return], ["block after the kill-switch", figures.kill_latency]].filter(([, time]) => time?.count);
  return html`<section id="figures" aria-labelledby="figures-title">
    <h2 id="figures-title">Figures</h2>
    <p class="aside">${grouped(figures.requests.count)} requests of the client in ${took(figures.watched_ms)}, ${figures.requests.peak_minute} in the busiest minute; ${grouped(figures.harness_requests)} of the harness apart.
      ${virtual ? " Time was virtual, so latencies say nothing about a backend." : ""}</p>
    <div class="cards">
      ${["sign_ins", "refreshes"].map((key) => html`<${Card} title=${key === "sign_ins" ? "Sign-ins" : "Refreshes"} facts=${Object.entries(figures[key])} />`)}
      <${Card} title="Socket" facts=${[["connects", figures.sockets.connects], ["in the busiest second", figures.sockets.peak_second]]} />
      <${Card} title="Feed" facts=${[["live", took(figures.feed.all.live_ms)], ["polling", took(figures.feed.all.polling_ms)], ["stale", took(figures.feed.all.stale_ms)], ["offline", took(figures.feed.offline_ms)]]} />
    </div>
    ${routes.length > 0 && html`<${Table} label="Requests by role" heads=${["Role", "Requests", "Answered", "401", "403", "5xx", "Lost", "Provoked", "p50", "p95", "p99", "Max"]}
      rows=${routes.map(([role, own]) => [role, own.requests.count, own.answered, own.status_401, own.status_403, own.status_5xx, own.lost, own.provoked, ...spread(own.latency)])} />`}
    ${times.length > 0 && html`<${Table} label="How long it took to" heads=${["How long it took to", "Times", "p50", "p95", "p99", "Max"]} rows=${times.map(([name, time]) => [name, time.count, ...spread(time)])} />`}
    ${fresh.length > 0 && html`<${Table} label="Age of shown data" heads=${["Age of shown data", "Times", "p50", "p95", "p99", "Max"]} rows=${fresh.map(([name, time]) => [name, time.count, ...spread(time)])} />`}
  </section>`;
}

function spread(time) {
  return time?.count ? [time.p50_ms, time.p95_ms, time.p99_ms, time.max_ms].map(took) : ["–", "–", "–", "–"];
}

function Card({ title, facts }) {
  return html`<div class="card"><h3>${title}</h3><dl>${facts.map(([name, value]) => html`<div><dt>${name}</dt><dd>${typeof value === "number" ? grouped(value) : value}</dd></div>`)}</dl></div>`;
}

function Table({ label, heads, rows }) {
  return html`<div class="wide" tabindex="0" role="region" aria-label=${label}><table class="numbers">
    <thead><tr>${heads.map((head, at) => html`<th scope="col" class=${at ? "number" : ""}>${head}</th>`)}</tr></thead>
    <tbody>${rows.map((row) => html`<tr>${row.map((value, at) => (at ? html`<td class=${`number ${value === 0 || value === "–" ? "zero" : ""}`}>${typeof value === "number" ? grouped(value) : value}</td>` : html`<th scope="row">${value}</th>`))}</tr>`)}</tbody>
  </table></div>`;
}

const KINDS = { endpoints: "Endpoints", resources: "Resources", events: "Events", emits: "Emits", forbidden: "Forbidden calls", levers: "Levers", faults: "Faults", rules: "Rules" };

export function Coverage({ coverage }) {
  return html`<section id="coverage" aria-labelledby="coverage-title">
    <h2 id="coverage-title">Coverage</h2>
    <p class="aside">What of the contract was put to the test.</p>
    ${Object.entries(coverage).map(([kind, names]) => html`<${Kind} key=${kind} kind=${kind} names=${Object.entries(names)} />`)}
  </section>`;
}

function Kind({ kind, names }) {
  if (names.length === 0) return null;
  const tested = names.filter(([, own]) => own.by_client + own.by_harness > 0);
  const share = tested.length / names.length;
  return html`<details class="kind">
    <summary><span class="title">${KINDS[kind] ?? kind}</span><span class="share" role="img" aria-label=${`${Math.round(share * 100)} %`}><i style=${{ width: `${share * 100}%` }}></i></span><span class="of">${tested.length} of ${names.length}</span></summary>
    <div class="wide" tabindex="0" role="region" aria-label=${KINDS[kind] ?? kind}><table class="numbers"><thead><tr><th scope="col">Name</th><th scope="col" class="number">By the client</th><th scope="col" class="number">By the harness</th><th scope="col">Why not</th></tr></thead>
    <tbody>${[...names].sort(([, a], [, b]) => sum(a) - sum(b)).map(([name, own]) => html`<tr><th scope="row"><code>${name}</code></th><td class=${`number ${own.by_client ? "" : "zero"}`}>${grouped(own.by_client)}</td><td class=${`number ${own.by_harness ? "" : "zero"}`}>${grouped(own.by_harness)}</td><td class="aside"><${Words} text=${own.why} /></td></tr>`)}</tbody></table></div>
  </details>`;
}

const sum = (own) => Math.min(1, own.by_client + own.by_harness);

// What the scope saw, in large.
export function Scope({ scope }) {
  const none = scope.forbidden === 0 && scope.undeclared === 0;
  const proven = none && scope.canary_caught;
  const said = !none
    ? "Calls were attempted that must never be made."
    : scope.canary_caught
      ? `Nothing forbidden was attempted, and the proof is not empty: each of the harness’s own ${grouped(scope.canaries_sent)} forbidden calls was caught.`
      : scope.canaries_sent === 0
        ? "Nothing forbidden was seen, but no canary was sent, so it is not proven."
        : "A canary was not caught, so “never called” is not proven.";
  return html`<section id="scope" class="scope" aria-labelledby="scope-title">
    <h2 id="scope-title" class="unseen">Scope</h2>
    <dl>
      <div><dt>${scope.requests_judged === 1 ? "request" : "requests"} judged</dt><dd>${grouped(scope.requests_judged)}</dd></div>
      <div><dt>${scope.frames_judged === 1 ? "packet" : "packets"} judged</dt><dd>${grouped(scope.frames_judged)}</dd></div>
      <div class=${scope.forbidden ? "bad" : proven ? "good" : ""}><dt>forbidden</dt><dd>${grouped(scope.forbidden)}</dd></div>
      ${scope.undeclared > 0 && html`<div class="bad"><dt>undeclared writes</dt><dd>${grouped(scope.undeclared)}</dd></div>`}
      <div class=${scope.canary_caught ? "good" : "odd"}><dt>canaries caught</dt><dd>${grouped(scope.canaries_caught)}<small>/${grouped(scope.canaries_sent)}</small></dd></div>
    </dl>
    <p>${said}</p>
  </section>`;
}

export function countOf(scenario) {
  return count(scenario.findings.length, "finding");
}
