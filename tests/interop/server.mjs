// The real socket.io server that rehearsal's own client is put to.
//
// It says in JSON lines on stdout what happens to it, and takes JSON lines on stdin. The first
// line, `{"ready":{"port":…}}`, says where it listens. It ends when stdin does, so it cannot
// outlive the test that started it.
//
//   node server.mjs '{"pingInterval":25000,"pingTimeout":20000}'
//
// `{"$binary":"<base64>"}` stands for bytes, in both directions and at any depth.

import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { Server } from "socket.io";

const options = JSON.parse(process.argv[2] ?? "{}");

const say = (what) => process.stdout.write(`${JSON.stringify(outward(what))}\n`);

const outward = (value) => {
  if (Buffer.isBuffer(value)) return { $binary: value.toString("base64") };
  if (Array.isArray(value)) return value.map(outward);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, outward(inner)]));
};

const inward = (value) => {
  if (Array.isArray(value)) return value.map(inward);
  if (value === null || typeof value !== "object") return value;
  if (typeof value.$binary === "string") return Buffer.from(value.$binary, "base64");
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, inward(inner)]));
};

const refusal = (message, data) => Object.assign(new Error(message), { data });

let http;
let io;
let upgradesBlocked = false;

const start = (port) =>
  new Promise((listening, failed) => {
    http = createServer();
    io = new Server(http, options);
    const engineUpgrades = http.listeners("upgrade");
    http.removeAllListeners("upgrade");
    http.on("upgrade", (request, socket, head) => {
      if (upgradesBlocked) {
        socket.end("HTTP/1.1 403 Forbidden\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
        return;
      }
      for (const listener of engineUpgrades) listener.call(http, request, socket, head);
    });

    const trading = io.of("/trading");
    trading.use((socket, next) => {
      const { token } = socket.handshake.auth;
      say({ attempt: { namespace: "/trading", token: token ?? null } });
      if (String(token).startsWith("good-")) next();
      else next(refusal("unauthorized", { code: 401, token }));
    });
    trading.on("connection", (socket) => {
      say({ connected: { sid: socket.id, token: socket.handshake.auth.token } });
      socket.conn.on("upgrade", (transport) => say({ upgraded: transport.name }));
      socket.on("disconnect", (reason) => say({ disconnected: { sid: socket.id, reason } }));
      socket.on("echo", (...args) => {
        const answer = args.at(-1);
        if (typeof answer === "function") answer(...args.slice(0, -1));
        else socket.emit("echoed", ...args);
      });
    });

    const admin = io.of("/admin");
    admin.use((socket, next) => {
      say({ attempt: { namespace: "/admin", token: socket.handshake.auth.token ?? null } });
      next(refusal("forbidden", { code: 403, role: "tester" }));
    });

    http.once("error", failed);
    http.listen(port, "127.0.0.1", () => listening(http.address().port));
  });

const stop = () =>
  new Promise((stopped) => {
    io.close(() => stopped());
    http.closeAllConnections();
  });

const commands = {
  // Everything said before is on its way before this is.
  mark({ n }) {
    say({ mark: n });
  },
  emit({ event, args = [] }) {
    io.of("/trading").emit(event, ...inward(args));
  },
  burst({ event, count }) {
    for (let n = 0; n < count; n += 1) io.of("/trading").emit(event, n);
  },
  ask({ event, args = [] }) {
    for (const socket of io.of("/trading").sockets.values()) {
      socket.emit(event, ...inward(args), (...answer) => say({ answered: answer }));
    }
  },
  disconnect({ close = false }) {
    io.of("/trading").disconnectSockets(close);
  },
  // The connections stay open and the server falls silent: no pings any more, and no wish for pongs.
  silence() {
    for (const connection of Object.values(io.engine.clients)) {
      clearTimeout(connection.pingIntervalTimer);
      clearTimeout(connection.pingTimeoutTimer);
    }
  },
  "block-upgrades"({ blocked }) {
    upgradesBlocked = blocked;
  },
  async restart() {
    const { port } = http.address();
    await stop();
    await start(port);
  },
};

say({ ready: { port: await start(0) } });
for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  await commands[command.do](command);
  say({ done: command.do });
}
process.exit(0);
