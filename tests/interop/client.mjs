// The real `socket.io-client`, commanded by JSON lines on stdin, telling what it hears on stdout.
// Every piece of news has the name of its socket.

import { Manager } from "socket.io-client";
import { inward, obey, say } from "./lines.mjs";

const sockets = new Map();

// The answers that the server still waits for, by socket.
const questions = new Map();

const watch = (name, manager) => {
  manager.on("open", () => {
    manager.engine.once("upgrade", (transport) => say({ upgraded: { name, to: transport.name } }));
    manager.engine.once("upgradeError", () => say({ "not-upgraded": { name } }));
  });
  manager.on("reconnect_attempt", (attempt) => say({ attempt: { name, attempt } }));
  manager.on("reconnect", (attempt) => say({ reconnected: { name, attempt } }));
};

const commands = {
  // Everything said before is on its way before this is.
  mark({ n }) {
    say({ mark: n });
  },
  // A socket of a manager of its own, or of the manager that another socket has.
  open({ name, url, beside, namespace = "/", options = {}, auth = {} }) {
    const manager = beside
      ? sockets.get(beside).io
      : new Manager(url, { ...options, autoConnect: false });
    if (!beside) watch(name, manager);
    const socket = manager.socket(namespace, {
      auth: (give) => {
        say({ asked: { name } });
        give(socket.offered);
      },
    });
    socket.offered = auth;
    socket.on("connect", () => {
      const transport = manager.engine.transport.name;
      say({ connect: { name, sid: socket.id, recovered: Boolean(socket.recovered), transport } });
    });
    socket.on("connect_error", ({ message, data }) => say({ refused: { name, message, data } }));
    socket.on("disconnect", (reason) => say({ disconnect: { name, reason } }));
    socket.onAny((event, ...args) => {
      const asks = typeof args.at(-1) === "function";
      if (asks) questions.set(name, args.pop());
      say({ event: { name, event, args, asks } });
    });
    sockets.set(name, socket);
    socket.connect();
  },
  connect({ name, auth }) {
    const socket = sockets.get(name);
    if (auth) socket.offered = auth;
    socket.connect();
  },
  // `times` is for several in one breath.
  emit({ name, event, args = [], ack = false, times = 1 }) {
    const more = ack ? [(...answer) => say({ acked: { name, answer } })] : [];
    for (let n = 0; n < times; n += 1) sockets.get(name).emit(event, ...inward(args), ...more);
  },
  answer({ name, args = [] }) {
    questions.get(name)(...inward(args));
  },
  disconnect({ name }) {
    sockets.get(name).disconnect();
  },
  // It no longer comes back by itself.
  stay({ name }) {
    sockets.get(name).io.reconnection(false);
  },
  // The connection breaks without a word of the namespace's.
  cut({ name }) {
    sockets.get(name).io.engine.close();
  },
};

say({ ready: {} });
await obey(commands);
