// What happened, as files: the tape as lines of JSON, as HAR, and as a scenario to begin with.

import { ask } from "./stream.js";
import { roleName } from "./tell.js";

// Every entry that the tape still has.
export async function entries() {
  const all = [];
  for (let since = 0; ; ) {
    const page = await ask(`/journal?since=${since}`);
    all.push(...page.entries);
    if (page.next <= since) return all;
    since = page.next;
  }
}

export function download(name, kind, text) {
  const url = URL.createObjectURL(new Blob([text], { type: kind }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

// Lines of JSON: of the proxy a journal, but for its header; of the mock what it noted.
export function lines(all) {
  return all.map((entry) => `${JSON.stringify(entry)}\n`).join("");
}

// HAR 1.2 of the exchanges.
export function har(all, began) {
  const made = [];
  const asked = new Map();
  for (const entry of all) {
    if (entry.request) made.push(harOfMock(entry, began));
    const { request, answer } = entry.fact ?? {};
    if (request) asked.set(request.exchange, { request, at: entry.at_us });
    const before = answer && asked.get(answer.exchange);
    if (before) made.push(exchange({ began, at: before.at / 1000, took: (entry.at_us - before.at) / 1000, url: `http://${before.request.host}${before.request.target}`, ...before.request, answer }));
  }
  return JSON.stringify({ log: { version: "1.2", creator: { name: "rehearsal", version: "1" }, entries: made } }, null, 2);
}

function harOfMock({ at_ms: at, request }, began) {
  const host = request.headers?.find(([name]) => name === "host")?.[1] ?? request.service;
  const url = `http://${host}${request.path}${request.query ? `?${request.query}` : ""}`;
  return exchange({ began, at: at - request.took_ms, took: request.took_ms, url, method: request.method, headers: request.headers, body: request.body, answer: { ...request.answer, status: request.status } });
}

function exchange({ began, at, took, url, method, headers, body, answer }) {
  const named = (list) => (list ?? []).map(([name, value]) => ({ name, value }));
  const query = [...new URLSearchParams(url.split("?")[1] ?? "")].map(([name, value]) => ({ name, value }));
  const sent = bodyText(body);
  const came = bodyText(answer.body);
  const common = { httpVersion: "HTTP/1.1", cookies: [], headersSize: -1 };
  return {
    startedDateTime: new Date(began + at).toISOString(),
    time: took,
    request: { method, url, ...common, headers: named(headers), queryString: query, bodySize: sent?.length ?? 0, ...(sent === null ? {} : { postData: { mimeType: "", text: sent } }) },
    response: { status: answer.status, statusText: "", ...common, headers: named(answer.headers), content: { size: came?.length ?? 0, mimeType: "", text: came ?? "" }, redirectURL: "", bodySize: -1 },
    cache: {},
    timings: { send: 0, wait: took, receive: 0 },
  };
}

function bodyText(content) {
  if (content?.json) return JSON.stringify(content.json.value);
  return content?.text?.text ?? content?.truncated?.beginning ?? null;
}

// An entry as a step of a scenario; nothing where a scenario has no words for it.
export function step({ kind, entry }) {
  const [name, own] = entry?.fact ? Object.entries(entry.fact)[0] : [kind, entry?.[kind]];
  if (name === "act") return `- do: ${flow(own)}`;
  if (name === "request") return `- expect: { request: ${named(own)} }`;
  if (name === "event") return `- expect: { event: ${own.event} }`;
  if (name === "frame" && own.packet.event) return own.direction === "down" ? `- expect: { event: ${own.packet.event.name} }` : null;
  const change = name === "harness" ? own.changed?.change : undefined;
  return change === undefined ? null : `- set: ${flow(change)}`;
}

function named(own) {
  const role = roleName(own.role);
  return role && role !== "realtime" ? role : JSON.stringify(`${own.method} ${own.service} ${(own.path ?? own.target).split("?")[0]}`);
}

// A value as YAML on one line.
function flow(value) {
  if (Array.isArray(value)) return `[${value.map(flow).join(", ")}]`;
  if (value && typeof value === "object") return `{ ${Object.entries(value).map(([key, own]) => `${key}: ${flow(own)}`).join(", ")} }`;
  return typeof value === "string" && /^[A-Za-z][\w-]*$/.test(value) && !/^(?:true|false|null|yes|no|on|off)$/i.test(value) ? value : JSON.stringify(value);
}

// What was marked and asked for as a scenario: steps in their order, what was asked for below the step that led to it.
export function scenario(all) {
  const out = ["name: What happened in a session", "steps:"];
  let seen = new Set();
  for (const entry of all) {
    const kind = Object.keys(entry).find((key) => ["request", "event"].includes(key)) ?? "";
    const own = entry.fact?.request;
    if (own && own.sender !== "client") continue;
    const line = step({ kind, entry });
    if (line === null || seen.has(line)) continue;
    if (line.startsWith("- expect")) seen.add(line);
    else seen = new Set();
    out.push(`  ${line}`, ...(line.startsWith("- expect") ? ["    within: 10s"] : []));
  }
  return `${out.join("\n")}\n`;
}
