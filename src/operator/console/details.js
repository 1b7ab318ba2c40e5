// One entry in full: what went over the wire and what the contract says of it.

import { html, useEffect, useSignal } from "./view.js";
import { Copy, Words } from "./pieces.js";
import { ask } from "./stream.js";
import { Body, Headers, Json, Packet, curl, roleOf } from "./wire.js";
import { count, moment, took } from "./words.js";
import { step } from "./steps.js";

export function Details({ store, row }) {
  const own = store.rows.get(row);
  const opened = useSignal(null);
  useEffect(() => {
    let left = false;
    const read = async () => ({ row, entry: await store.whole(own.number), ended: own.ended ? await store.whole(own.ended) : null });
    read().then((found) => !left && (opened.value = found), (error) => !left && (opened.value = { row, error }));
    return () => {
      left = true;
    };
  }, [row, own?.ended]);
  if (!own) return null;
  const here = opened.value?.row === row ? opened.value : null;
  const cites = store.findings.value.filter(({ evidence }) => evidence?.includes(own.id));
  const entry = here?.entry;
  const kind = entry && Object.keys(entry).find((key) => !["id", "at_us", "at_ms", "fact"].includes(key));
  const asStep = entry ? step({ kind, entry }) : null;
  return html`<section class="details" aria-label=${`Entry ${own.id}`}>
    <header><h2 class="small">#${own.id} <span class="when">${moment(own.at, own.at)}</span></h2>
      <div class="acts">${asStep && html`<${Copy} label="Copy as step" text=${asStep} />`}${entry && html`<${Copy} label="Copy JSON" text=${() => JSON.stringify(entry, null, 2)} />`}
        <button type="button" class="plain" onClick=${() => store.open(null)} aria-label="Close the entry">✕</button></div></header>
    <p class="said">${own.label}</p>
    ${cites.map((finding) => html`<p class="cites"><span class="mark bad" aria-hidden="true">⚑</span> Evidence of <b>${finding.rule}</b>: <${Words} text=${finding.message} /></p>`)}
    ${here?.error && html`<p class="aside">It cannot be read: ${here.error.message}</p>`}
    ${here && !here.error && !entry && html`<p class="aside">The tape does not have it any more.</p>`}
    ${entry && html`<${Fact} entry=${entry} ended=${here.ended} own=${own} kind=${kind} store=${store} />`}
  </section>`;
}

function Fact({ entry, ended, own, kind, store }) {
  const [name, fact] = entry.fact ? Object.entries(entry.fact)[0] : [kind, entry[kind]];
  if (name === "request" && entry.fact) return html`<${Exchange} request=${fact} answer=${ended?.fact?.answer} lost=${ended?.fact?.lost} own=${own} />`;
  if (name === "request") return html`<${Exchange} request=${asInJournal(fact)} answer=${{ ...fact.answer, status: fact.status, from: "backend" }} own=${own} user=${fact.user} />`;
  if (name === "frame") return html`<${Packet} frame=${fact} /><${Kept} of=${eventOf(fact)} />`;
  if (name === "finding") return html`<${Finding} finding=${fact} store=${store} />`;
  if (name === "event" && fact.payload !== undefined) return html`<dl class="facts"><dt>Event</dt><dd><code>${fact.event}</code></dd><dt>Sent to</dt><dd>${count(fact.sockets, "socket")}</dd></dl><${Kept} of=${{ event: fact.event, value: fact.payload }} /><${Json} title="Payload" value=${fact.payload} />`;
  return html`<${Json} title=${name} value=${fact} />`;
}

// A request as the mock notes it, in the words of a journal.
function asInJournal(request) {
  const host = request.headers?.find(([name]) => name === "host")?.[1] ?? "";
  return { ...request, host, sender: "client", target: `${request.path}${request.query ? `?${request.query}` : ""}`, judgement: null };
}

function Exchange({ request, answer, lost, own, user }) {
  const { judgement } = request;
  return html`
    <dl class="facts">
      <dt>Role</dt><dd>${roleOf(request)}</dd>
      <dt>Service</dt><dd>${request.service}</dd>
      ${user !== undefined && html`<dt>User</dt><dd>${user ?? "nobody"}</dd>`}
      ${judgement && html`<dt>Scope</dt><dd class=${judgement.class === "allowed" ? "" : "mark bad"}>${judgement.class} <span class="aside">— <${Words} text=${judgement.reason} /></span></dd>`}
      ${request.sender !== "client" && html`<dt>Sent by</dt><dd>the harness (${request.sender})</dd>`}
      <dt>Took</dt><dd>${own.took === null ? "it has not ended" : took(own.took)}</dd>
      ${answer?.request_id && html`<dt>Request id</dt><dd><code>${answer.request_id}</code> <${Copy} label="Copy" text=${answer.request_id} /></dd>`}
    </dl>
    <h3>Request <${Copy} label="Copy as curl" text=${() => curl(request)} /></h3>
    <pre class="head" tabindex="0">${request.method} ${request.target}</pre>
    <${Headers} of="request" headers=${request.headers} />
    <${Body} of="request" content=${request.body} />
    ${answer && html`<h3>Answer</h3>
      <pre class="head" tabindex="0">${answer.status}${answer.from === "backend" ? "" : ` — by the gateway (${answer.from})`}</pre>
      <${Kept} of=${resourceOf(request, answer)} /><${Headers} of="answer" headers=${answer.headers} /><${Body} of="answer" content=${answer.body} />`}
    ${lost && html`<h3>No answer</h3><${Json} value=${lost.reason} />`}`;
}

// What the contract has a schema for: a success of a resource, and the first argument of an event that came down.
function resourceOf({ role }, { status, body }) {
  if (!role?.resource || status < 200 || status > 299 || !body?.json) return null;
  return { resource: role.resource, value: body.json.value };
}

function eventOf({ direction, packet }) {
  const args = direction === "down" && packet?.event?.args?.json?.value;
  return Array.isArray(args) ? { event: packet.event.name, value: args[0] ?? null } : null;
}

// Whether it keeps the contract's schema, as the API says.
function Kept({ of }) {
  const said = useSignal(null);
  const question = of && JSON.stringify(of);
  useEffect(() => {
    let left = false;
    said.value = null;
    if (of) ask("/contract", of).then((found) => !left && (said.value = found), ({ message }) => !left && (said.value = { message }));
    return () => {
      left = true;
    };
  }, [question]);
  if (!of || !said.value) return null;
  const { schema, problems, message } = said.value;
  if (message) return html`<p class="aside">Whether it keeps its schema cannot be said: ${message}</p>`;
  if (!schema) return html`<p class="aside">The contract has no schema for it.</p>`;
  if (problems.length === 0) return html`<p class="mark good"><span aria-hidden="true">✓</span> It keeps the contract’s schema.</p>`;
  return html`<p class="mark bad"><span aria-hidden="true">✗</span> It does not keep the contract’s schema:</p>
    <ul class="unkept">${problems.map(({ at, problem }) => html`<li><code>${at || "the whole"}</code> ${problem}</li>`)}</ul>`;
}

export function Finding({ finding, store }) {
  const rows = (finding.evidence ?? []).map((id) => [id, store.rows.byEntry.get(id)]).filter(([, row]) => row !== undefined);
  return html`<dl class="facts">
      <dt>Rule</dt><dd class="rule">${finding.rule}</dd>
      <dt>Fault of</dt><dd>${finding.subject}</dd>
      <dt>Expected</dt><dd><${Words} text=${finding.expected} /></dd>
      <dt>Observed</dt><dd><${Words} text=${finding.observed} /></dd>
      ${rows.length > 0 && html`<dt>Evidence</dt><dd>${rows.map(([id, row]) => html`<button type="button" class="link" onClick=${() => store.open(row)}>#${id}</button> `)}</dd>`}
    </dl>`;
}
