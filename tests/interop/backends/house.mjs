// What every backend of this folder stands on, and no more: listeners on free ports that can really
// be closed and opened again, bodies, and answers that carry a request id.
//
// A backend says `{"ready":{…}}` on stdout when it listens, and ends when its stdin does, so it
// cannot outlive the test that started it.

import { randomUUID } from "node:crypto";
import { createServer } from "node:http";

/** An answer: a status, a body that becomes JSON unless it is text, and headers. */
export const answer = (status, body, headers = {}) => ({ status, body, headers });

/** The body of a request, whole. */
export const bodyOf = async (request) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts).toString();
};

/** JSON, or nothing if it is none. */
export const jsonOf = async (request) => {
  try {
    return JSON.parse(await bodyOf(request));
  } catch {
    return {};
  }
};

/** One cookie of a request. */
export const cookieOf = (request, name) =>
  (request.headers.cookie ?? "")
    .split("; ")
    .map((pair) => pair.split("="))
    .find(([own]) => own === name)?.[1];

/**
 * A service on a port of its own.
 *
 * `routes` maps `METHOD /path` to a function of the request and its URL that gives an answer; with
 * `feed`, what it makes of each new HTTP server (a Socket.IO server) is closed with it. `requestId`
 * names the header of the request id, or says per request that there is none. `plainText` and `oneId`
 * are two ways to be wrong.
 */
export class Service {
  constructor({ base = "", routes, feed, requestId, plainText, oneId }) {
    this.plainText = plainText;
    this.oneId = oneId;
    this.base = base;
    this.routes = routes;
    this.feed = feed;
    this.requestId = requestId;
    this.port = 0;
  }

  async start() {
    if (this.http) return;
    const http = createServer((request, response) => this.#serve(request, response));
    this.opened = this.feed?.(http);
    await new Promise((listening, failed) => {
      http.once("error", failed);
      http.listen(this.port, "127.0.0.1", listening);
    });
    this.port = http.address().port;
    this.http = http;
  }

  /** Closes the listener and everything that was let in. Nobody is told beforehand. */
  async stop() {
    if (!this.http) return;
    const { http, opened } = this;
    this.http = undefined;
    const closed = new Promise((done) => http.close(done));
    for (const client of Object.values(opened?.engine.clients ?? {})) client.close(true);
    http.closeAllConnections();
    await Promise.all([closed, opened?.close()]);
  }

  get url() {
    return `http://127.0.0.1:${this.port}${this.base}`;
  }

  async #serve(request, response) {
    const url = new URL(request.url, "http://here");
    const route = this.routes[`${request.method} ${url.pathname.slice(this.base.length)}`];
    const inside = url.pathname.startsWith(this.base);
    let told;
    try {
      told = inside && route ? await route(request, url) : answer(404, { error: "no such thing" });
    } catch (error) {
      process.stderr.write(`${error.stack}\n`);
      told = answer(500, { error: "internal" });
    }
    const text = typeof told.body === "string" ? told.body : JSON.stringify(told.body);
    const name = this.requestId?.(url);
    response.writeHead(told.status, {
      ...(told.body === undefined ? {} : { "content-type": this.plainText ? "text/plain" : "application/json" }),
      "cache-control": "no-store",
      ...(name ? { [name]: this.oneId ?? randomUUID() } : {}),
      ...told.headers,
    });
    response.end(text);
  }
}

/** Says that all of it is there, and goes when nobody listens any more. */
export const ready = (what) => {
  process.stdout.write(`${JSON.stringify({ ready: what })}\n`);
  process.stdin.resume();
  process.stdin.on("end", () => process.exit(0));
};
