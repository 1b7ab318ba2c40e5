// What happened, as files: the tape as lines of JSON and as HAR.

import { ask } from "./stream.js";

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
