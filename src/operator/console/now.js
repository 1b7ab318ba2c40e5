// How things stand now: the scope, what was found, who is signed in and which sockets are there.

import { html } from "./view.js";
import { Words } from "./pieces.js";
import { count, grouped, moment, verdict } from "./words.js";

export function Now({ store }) {
  return html`<section class="now" aria-labelledby="now-title"><h2 id="now-title" class="unseen">Now</h2>
    <${Scope} store=${store} /><${Findings} store=${store} /><${SignedIn} store=${store} /><${Sockets} store=${store} /></section>`;
}

function Scope({ store }) {
  const state = store.state.value;
  const over = store.verdict.value;
  const calls = state.forbidden ?? state.forbidden_calls;
  if (calls === undefined) return null;
  const tone = calls > 0 ? "bad" : state.undeclared ? "odd" : "good";
  const judged = state.requests_judged === undefined ? count(state.requests ?? 0, "request") + " served" : `${count(state.requests_judged, "request")} and ${count(state.frames_judged, "packet")} judged`;
  const undeclared = state.undeclared ? `, ${grouped(state.undeclared)} undeclared` : "";
  const word = over && verdict(over.verdict);
  return html`<div class=${`big ${tone}`} role="status" aria-label="Scope">
    ${word && html`<p class=${`ended mark ${word.tone}`}>${word.mark} ${word.word}</p>`}
    <p class="figure"><span aria-hidden="true">${{ bad: "✗", odd: "!", good: "✓" }[tone]}</span> ${grouped(calls)} <small>forbidden</small></p>
    <p class="aside">${judged}${undeclared}</p>
    ${over?.reason && html`<p class="aside"><${Words} text=${over.reason} /></p>`}</div>`;
}

function Findings({ store }) {
  const found = store.findings.value;
  if (!store.isProxy.value && found.length === 0) return null;
  const open = (finding) => store.open(store.rows.byEntry.get(finding.evidence?.at(-1)) ?? null);
  return html`<div class="card"><h3>Findings <span class="aside">${found.length || "none so far"}</span></h3>
    <ul class="found">${found.toReversed().slice(0, 50).map((finding) => html`<li class=${finding.severity === "information" ? "odd" : "bad"}><button type="button" onClick=${() => open(finding)}><b class="rule">${finding.rule}</b> <${Words} text=${finding.message} /></button></li>`)}</ul></div>`;
}

function SignedIn({ store }) {
  const { signed_in: own, users } = store.state.value;
  const list = own ? Object.entries(own).map(([name, times]) => [name, count(times, "session")]) : Object.entries(store.signedIn.value).map(([name, at]) => [name, `since ${moment(at, at)}`]);
  const none = users?.length ? `nobody of ${users.length}` : "nobody";
  return html`<div class="card"><h3>Signed in <span class="aside">${list.length || none}</span></h3>
    <ul class="plainlist">${list.map(([name, told]) => html`<li><span>${name}</span> <span class="aside">${told}</span></li>`)}</ul></div>`;
}

function Sockets({ store }) {
  const { connected } = store.state.value;
  const list = connected
    ? connected.map(({ user, transport, listens, away }) => [user, away ? "away, may come back" : transport, listens ? "" : "does not listen"])
    : store.sockets.value.map((one) => [`#${one.socket} ${one.namespaces.join(" ")}`, one.transport, [one.beat === null ? "" : `heartbeat ${moment(one.beat, one.beat)}`, `↑${one.up} ↓${one.down}`, one.asked].filter(Boolean).join("  ")]);
  return html`<div class="card"><h3>Sockets <span class="aside">${list.length || "none"}</span></h3>
    <ul class="plainlist">${list.map(([name, transport, more]) => html`<li><span>${name}</span> <span class="tag">${transport}</span> <span class="aside">${more}</span></li>`)}</ul></div>`;
}
