// One entry in full: what went over the wire, or what was observed.

import { html, useEffect, useSignal } from "./view.js";
import { wholeEntry } from "./journal.js";
import { Copy, Words } from "./pieces.js";
import { moment, took, grouped } from "./words.js";

const COLOURED = 40_000;
const PIECES = /("(?:[^"\\]|\\.)*")(\s*:)?|\b(?:true|false|null)\b|-?\d[\d.eE+-]*/g;

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

function roleOf({ role }) {
  if (!role) return "not declared in the contract";
  return typeof role === "string" ? role : `the resource ${role.resource}`;
}

function Packet({ frame }) {
  const [name, inside] = typeof frame.packet === "string" ? [frame.packet, null] : Object.entries(frame.packet)[0];
  const content = inside?.args ?? inside?.payload;
  return html`
    <dl class="facts">
      <dt>Packet</dt><dd>${name}${inside?.name ? html` <code>${inside.name}</code>` : ""}</dd>
      <dt>Way</dt><dd>${frame.direction === "up" ? "client → backend" : "backend → client"}</dd>
      <dt>Transport</dt><dd>${frame.transport}, socket ${frame.socket}</dd>
      <dt>Size</dt><dd>${grouped(frame.bytes)} bytes</dd>
      ${inside?.namespace && html`<dt>Namespace</dt><dd><code>${inside.namespace}</code></dd>`}
      ${frame.judgement && html`<dt>Scope</dt><dd>${frame.judgement.class} <span class="aside">— <${Words} text=${frame.judgement.reason} /></span></dd>`}
    </dl>
    ${content ? html`<${Body} of="packet" content=${content} />` : inside && html`<${Json} title="Packet" value=${inside} />`}`;
}

function Headers({ of, headers }) {
  if (!headers?.length) return null;
  return html`<details><summary>${headers.length} headers</summary>
    <table class="headers" aria-label=${`Headers of the ${of}`}><tbody>${headers.map(([name, value]) => html`<tr><th scope="row">${name}</th><td>${value}</td></tr>`)}</tbody></table></details>`;
}

function Body({ of, content }) {
  if (!content || content === "empty") return null;
  const [form, inside] = Object.entries(content)[0];
  const bytes = inside.bytes === undefined ? "" : `, ${grouped(inside.bytes)} bytes`;
  if (form === "json") return html`<${Json} title=${`JSON${bytes}`} label=${`Body of the ${of}`} value=${inside.value} />`;
  const text = inside.text ?? inside.beginning;
  return html`<div class="body"><p class="aside">${form}${bytes}${inside.why ? ` — ${inside.why}` : ""}</p>
    ${text !== undefined && html`<pre tabindex="0" aria-label=${`Body of the ${of}`}>${text}</pre>`}
    ${inside.sha256 && html`<p class="aside">SHA-256 <code>${inside.sha256}</code></p>`}</div>`;
}

function Json({ title, label, value }) {
  const text = JSON.stringify(value, null, 2) ?? "";
  return html`<div class="body">${title && html`<p class="aside">${title} <${Copy} label="Copy" text=${text} /></p>`}<pre class="json" tabindex="0" aria-label=${label ?? title}>${text.length > COLOURED ? text : coloured(text)}</pre></div>`;
}

// Text nodes and spans of it, whatever it says.
function coloured(text) {
  const pieces = [];
  let after = 0;
  for (const found of text.matchAll(PIECES)) {
    if (found.index > after) pieces.push(text.slice(after, found.index));
    const kind = found[2] ? "key" : found[1] ? "text" : "atom";
    pieces.push(html`<span class=${`j-${kind}`}>${found[1] ?? found[0]}</span>`);
    if (found[2]) pieces.push(found[2]);
    after = found.index + found[0].length;
  }
  pieces.push(text.slice(after));
  return pieces;
}

const NOT_SENT = new Set(["host", "content-length", "connection", "accept-encoding", "transfer-encoding"]);

// The request as a line for a shell. Labels stand where secrets were.
export function curl(request) {
  const words = ["curl", "--request", request.method, quoted(`http://${request.host}${request.target}`)];
  for (const [name, value] of request.headers) {
    if (!NOT_SENT.has(name)) words.push("--header", quoted(`${name}: ${value}`));
  }
  const body = request.body?.json ? JSON.stringify(request.body.json.value) : request.body?.text?.text;
  if (body !== undefined) words.push("--data-raw", quoted(body));
  return words.join(" ");
}

function quoted(text) {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
