// One entry in full: what went over the wire, or what was observed.

import { html, useEffect, useSignal } from "./view.js";
import { wholeEntry } from "./journal.js";
import { Copy, Words } from "./pieces.js";
import { Body, Headers, Json, Packet, curl, roleOf } from "./wire.js";
import { moment, took } from "./words.js";

export function Details({ journal, row, findings, link, onSelect, onClose }) {
  const opened = useSignal(null);
  useEffect(() => {
    let left = false;
    open(journal, row).then((found) => {
      if (!left) opened.value = { row, ...found };
    });
    return () => {
      left = true;
    };
  }, [journal, row]);
  const here = opened.value?.row === row ? opened.value : null;
  const own = findings.filter((finding) => finding.evidence.some(({ id }) => id === journal.id[row]));
  return html`<section class="details" aria-label=${`Entry ${journal.id[row]}`}>
    <header>
      <h3>#${journal.id[row]} <span class="when">${moment(journal.at[row], journal.longest)}</span></h3>
      <div class="acts">
        <${Copy} label="Copy link" text=${() => link(row)} />
        ${here?.whole && html`<${Copy} label="Copy JSON" text=${JSON.stringify(here.whole, null, 2)} />`}
        <button type="button" class="plain" onClick=${onClose} aria-label="Close the entry">✕</button>
      </div>
    </header>
    <p class="said">${journal.line[row]}</p>
    ${own.map((finding) => html`<p class="cites"><span class="mark bad" aria-hidden="true">⚑</span> Evidence of <b>${finding.rule}</b>: <${Words} text=${finding.message} /></p>`)}
    ${here && html`<${Fact} here=${here} journal=${journal} onSelect=${onSelect} />`}
  </section>`;
}

// The entry, and the exchange that it belongs to.
async function open(journal, row) {
  const whole = await wholeEntry(journal, row);
  const exchange = ["request", "asked", "answer", "lost", "uploaded", "token"].includes(journal.kind[row]) ? journal.of[row] : 0;
  if (!exchange) return { whole };
  const [asked, ended] = [journal.asked.get(exchange), journal.ended.get(exchange)];
  const of = async (at) => (at === undefined ? null : { row: at, whole: await wholeEntry(journal, at) });
  return { whole, asked: await of(asked), ended: await of(ended) };
}

function Fact({ here, journal, onSelect }) {
  if (here.whole === null) {
    return html`<p class="aside">${journal.complete ? "The whole entry is not in this page, to keep it small; the journal has it." : "No journal is in this page."}</p>`;
  }
  if (typeof here.whole === "string") return html`<pre tabindex="0">${here.whole}</pre>`;
  const request = here.asked?.whole?.fact?.request;
  const frame = here.whole.fact?.frame;
  const token = here.whole.fact?.["token-issued"];
  return html`
    ${token && html`<${Json} title="Token" value=${token} />`}
    ${request && html`<${Exchange} here=${here} request=${request} journal=${journal} onSelect=${onSelect} />`}
    ${frame && html`<${Packet} frame=${frame} />`}
    ${!request && !frame && !token && html`<${Json} title="Fact" value=${here.whole.fact} />`}`;
}

function Exchange({ here, request, journal, onSelect }) {
  const answer = here.ended?.whole?.fact?.answer;
  const lost = here.ended?.whole?.fact?.lost;
  const lasted = here.ended ? (journal.at[here.ended.row] - journal.at[here.asked.row]) / 1000 : null;
  return html`
    <dl class="facts">
      <dt>Role</dt><dd>${roleOf(request)}</dd>
      <dt>Service</dt><dd>${request.service}</dd>
      <dt>Scope</dt><dd class=${request.judgement.class === "allowed" ? "" : "mark bad"}>${request.judgement.class} <span class="aside">— <${Words} text=${request.judgement.reason} /></span></dd>
      ${request.sender !== "client" && html`<dt>Sent by</dt><dd>the harness (${request.sender})</dd>`}
      <dt>Took</dt><dd>${lasted === null ? "it did not end" : took(lasted)}</dd>
      ${answer?.request_id && html`<dt>Request id</dt><dd><code>${answer.request_id}</code> <${Copy} label="Copy" text=${answer.request_id} /></dd>`}
    </dl>
    <h4>Request <a href="#" onClick=${(event) => { event.preventDefault(); onSelect(here.asked.row); }}>#${journal.id[here.asked.row]}</a> <${Copy} label="Copy as curl" text=${() => curl(request)} /></h4>
    <pre class="head" tabindex="0">${request.method} ${request.target}</pre>
    <${Headers} of="request" headers=${request.headers} />
    <${Body} of="request" content=${request.body} />
    ${answer && html`
      <h4>Answer <a href="#" onClick=${(event) => { event.preventDefault(); onSelect(here.ended.row); }}>#${journal.id[here.ended.row]}</a></h4>
      <pre class="head" tabindex="0">${answer.status}${answer.from === "backend" ? "" : ` — by the gateway (${answer.from})`}</pre>
      <${Headers} of="answer" headers=${answer.headers} />
      <${Body} of="answer" content=${answer.body} />`}
    ${lost && html`<h4>No answer <a href="#" onClick=${(event) => { event.preventDefault(); onSelect(here.ended.row); }}>#${journal.id[here.ended.row]}</a></h4><${Json} value=${lost.reason} />`}`;
}
