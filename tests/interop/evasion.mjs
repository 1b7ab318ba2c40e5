// Real routers for the evasion corpus: what they take a request for, and what the real parsers of
// Engine.IO and Socket.IO find in a polling body.
//
// `node evasion.mjs '{"forbidden": [["POST", "/api/trade"], …], "bases": ["", "/backend"]}'`
// prints {"ready": {name: port}}. A request that is routed to a forbidden endpoint is answered with
// the header `x-reached`. On stdin: {"body": "…"}; on stdout: {"events": […], "joins": […]}.

import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { posix } from "node:path";
import express from "express";
import methodOverride from "method-override";
import { decodePayload } from "engine.io-parser";
import { Decoder } from "socket.io-parser";

const { forbidden, bases } = JSON.parse(process.argv[2]);

function router(options) {
  const app = express();
  app.set("case sensitive routing", options.caseSensitive ?? false);
  app.set("strict routing", options.strict ?? false);
  app.use(express.urlencoded({ extended: true }), express.json({ strict: false }), express.text());
  for (const header of ["X-HTTP-Method", "X-HTTP-Method-Override", "X-Method-Override"]) {
    app.use(methodOverride(header, { methods: null }));
  }
  app.use(methodOverride("_method", { methods: null }));
  app.use(methodOverride((request) => request.body?._method, { methods: null }));
  for (const [method, path] of forbidden) {
    const template = path.replace(/\{(\w+)\}/g, ":$1");
    const paths = template.endsWith("/**")
      ? [template.slice(0, -3), `${template.slice(0, -2)}*rest`]
      : [template];
    const add = method === "*" ? "all" : method.toLowerCase();
    for (const base of bases) {
      for (const one of paths) {
        app[add](base + one, (_, response) => response.set("x-reached", `${method} ${path}`).end());
      }
    }
  }
  app.use((_, response) => response.status(404).end());
  // A body or path that cannot be read is no call of anything.
  app.use((_error, _request, response, _next) => response.status(400).end());
  return app;
}

// A proxy that takes escapes off before it passes the path on, so often.
function decoding(app, times) {
  return (request, response) => {
    const [path, ...query] = request.url.split("?");
    let plain = path.replace(/^[a-z]+:\/\/[^/]*/i, "");
    try {
      for (let time = 0; time < times; time += 1) plain = decodeURIComponent(plain);
    } catch {
      return response.writeHead(400).end();
    }
    plain = posix.normalize(plain.replaceAll("\\", "/")).split(";")[0];
    request.url = [plain.replace(/[\0-\x20?#]/g, encodeURIComponent), ...query].join("?");
    app(request, response);
  };
}

const servers = {
  express: router({}),
  "express, strict": router({ caseSensitive: true, strict: true }),
  "express behind a decoding proxy": decoding(router({}), 1),
  "express behind a proxy that decodes twice": decoding(router({}), 2),
};
const ready = {};
for (const [name, handle] of Object.entries(servers)) {
  const server = createServer({ keepAlive: false }, handle);
  server.on("clientError", (_, socket) => socket.destroy());
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  ready[name] = server.address().port;
}
console.log(JSON.stringify({ ready }));

for await (const line of createInterface({ input: process.stdin })) {
  const found = { events: [], joins: [] };
  const decoder = new Decoder();
  decoder.on("decoded", (packet) => {
    if (packet.type === 0) found.joins.push(packet.nsp);
    if (packet.type === 2 || packet.type === 5) found.events.push([packet.nsp, String(packet.data[0])]);
  });
  for (const packet of decodePayload(JSON.parse(line).body, "nodebuffer")) {
    if (packet.type === "error") break;
    if (packet.type !== "message") continue;
    try {
      decoder.add(packet.data);
    } catch {
      break; // the real server closes the session then
    }
  }
  console.log(JSON.stringify(found));
}
process.exit();
