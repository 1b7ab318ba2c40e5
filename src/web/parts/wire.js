// What went over the wire, in full: heads, bodies and packets as a journal has them.

import { html } from "./view.js";
import { Copy, Words } from "./pieces.js";
import { grouped } from "./words.js";

const COLOURED = 40_000;
const PIECES = /("(?:[^"\\]|\\.)*")(\s*:)?|\b(?:true|false|null)\b|-?\d[\d.eE+-]*/g;

export function roleOf({ role }) {
  if (!role) return "not declared in the contract";
  return typeof role === "string" ? role : `the resource ${role.resource}`;
}

export function Packet({ frame }) {
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

export function Headers({ of, headers }) {
  if (!headers?.length) return null;
  return html`<details><summary>${headers.length} headers</summary>
    <table class="headers" aria-label=${`Headers of the ${of}`}><tbody>${headers.map(([name, value]) => html`<tr><th scope="row">${name}</th><td>${value}</td></tr>`)}</tbody></table></details>`;
}

export function Body({ of, content }) {
  if (!content || content === "empty") return null;
  const [form, inside] = Object.entries(content)[0];
  const bytes = inside.bytes === undefined ? "" : `, ${grouped(inside.bytes)} bytes`;
  if (form === "json") return html`<${Json} title=${`JSON${bytes}`} label=${`Body of the ${of}`} value=${inside.value} />`;
  const text = inside.text ?? inside.beginning;
  return html`<div class="body"><p class="aside">${form}${bytes}${inside.why ? ` — ${inside.why}` : ""}</p>
    ${text !== undefined && html`<pre tabindex="0" aria-label=${`Body of the ${of}`}>${text}</pre>`}
    ${inside.sha256 && html`<p class="aside">SHA-256 <code>${inside.sha256}</code></p>`}</div>`;
}

export function Json({ title, label, value }) {
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
