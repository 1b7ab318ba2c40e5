// The real socket.io server, commanded by JSON lines on stdin, telling what happens to it on stdout.
// The first line, `{"ready":{"port":…}}`, says where it listens.
//
//   node server.mjs '{"pingInterval":25000,"pingTimeout":20000}'

import { createServer } from "node:http";
import { Server } from "socket.io";
import { inward, obey, say } from "./lines.mjs";

const options = JSON.parse(process.argv[2] ?? "{}");

const echo = (socket) => (...args) => {
  const answer = args.at(-1);
  if (typeof answer === "function") answer(...args.slice(0, -1));
  else socket.emit("echoed", ...args);
};

const refusal = (message, data) => Object.assign(new Error(message), { data });

let http;
let io;
let upgradesBlocked = false;

// Node would close an idle connection after five seconds, just as the next request may be on its way.
const unhurried = { keepAliveTimeout: 0, headersTimeout: 0, requestTimeout: 0 };

const start = (port) =>
  new Promise((listening, failed) => {
    http = createServer(unhurried);
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
      socket.on("echo", echo(socket));
    });

    io.of("/notes").on("connection", (socket) => {
      socket.on("disconnect", (reason) => say({ left: { sid: socket.id, reason } }));
      socket.on("echo", echo(socket));
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
  // The connections break without a word of the namespace's, and while everybody is away something
  // happens, if it has a name.
  cut({ event }) {
    const trading = io.of("/trading");
    for (const socket of trading.sockets.values()) {
      if (event) socket.once("disconnect", () => trading.emit(event, "meanwhile"));
      const { transport } = socket.conn;
      if (transport.name === "websocket") transport.socket.terminate();
      else socket.conn.close();
    }
  },
  // What the WebSockets agreed on beyond the protocol.
  extensions() {
    const agreed = Object.values(io.engine.clients).map(({ transport }) => transport.socket?.extensions);
    say({ extensions: agreed });
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
await obey(commands);
