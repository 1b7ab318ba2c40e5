// A read-only greenhouse monitor, as somebody else might have written it: sign-in, restore, one
// refresh at a time, a kill-switch that is polled, a live feed, and polling while the feed is gone.
//
// `habits` are ways in which it can be badly written; without any it is meant to be right.

import { EventEmitter } from "node:events";
import { io } from "socket.io-client";
import { Refused, backoff, patiently, send, sleep } from "./wire.mjs";

const STATUS_EVERY = 1000;
const POLL_AFTER = 500;
const POLL_EVERY = 1000;
const REFRESH_AHEAD = 20_000;
const RESOURCES = ["keeper", "beds", "climate"];

export class Monitor extends EventEmitter {
  #services;
  #storage;
  #habits;
  #session = null;
  #gone = null; // A session that was signed out of, where that is not taken seriously.
  #refreshing = null;
  #socket = null;
  #timers = new Set();
  #life = new AbortController();
  #polling = false;
  blocked = false;
  live = false;
  beds = null;

  constructor({ services, storage, habits = [] }) {
    super();
    this.setMaxListeners(50);
    this.#services = services;
    this.#storage = storage;
    this.#habits = new Set(habits);
  }

  #has(habit) {
    return this.#habits.has(habit);
  }

  /** Resolves once `what` has been told, from now on. */
  when(what) {
    return new Promise((done) => this.once(what, done));
  }

  #later(ms, what) {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      what();
    }, ms);
    this.#timers.add(timer);
    return timer;
  }

  // The process.

  async launch() {
    const stored = this.#storage.get("session");
    await this.#askStatus();
    this.#watchStatus();
    if (!stored) return "signed-out";
    this.#session = stored;
    if (this.#has("signs-in-again")) await this.#enter(this.#storage.get("credentials"));
    if (!this.blocked) await this.#begin();
    return "signed-in";
  }

  /** Ends as a process that is killed does: without a word. */
  kill() {
    this.#life.abort();
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    if (this.#socket) {
      this.#socket.io.reconnection(false);
      this.#socket.removeAllListeners();
      this.#socket.io.engine?.close();
    }
    this.removeAllListeners();
  }

  // The session.

  async signIn(credentials) {
    await this.#enter(credentials);
    if (this.#has("signs-in-again")) this.#storage.set("credentials", credentials);
    await this.#begin();
  }

  async #enter(credentials) {
    const { grant } = await send(`${this.#services.gate}/keepers/enter`, {
      method: "POST",
      body: credentials,
    });
    this.#keep(grant);
  }

  #keep(grant) {
    this.#session = {
      pass: grant.pass,
      renewal: grant.renewal ?? this.#session?.renewal,
      until: Date.now() + grant.seconds * 1000,
    };
    this.#storage.set("session", this.#session);
  }

  #forget() {
    this.#session = null;
    this.#storage.delete("session");
    this.#stopPolling();
    this.#closeSocket();
    this.emit("signed-out");
  }

  async signOut() {
    const renewal = this.#session?.renewal;
    const pass = this.#session?.pass;
    if (this.#has("deaf-sign-out")) {
      this.#gone = this.#session;
      this.#session = null;
      this.#storage.delete("session");
      this.#stopPolling();
    } else {
      this.#forget();
    }
    await send(`${this.#services.gate}/keepers/leave`, { method: "POST", body: { renewal } });
    if (this.#has("late-reader")) {
      const again = () => {
        send(`${this.#services.house}/diary`, { token: pass }).catch(() => {});
        this.#later(POLL_EVERY, again);
      };
      again();
    }
  }

  /** One refresh at a time, whoever asks. */
  refresh() {
    if (this.#has("refresh-each")) return this.#renew();
    this.#refreshing ??= this.#renew().finally(() => {
      this.#refreshing = null;
    });
    return this.#refreshing;
  }

  async #renew() {
    const body = { renewal: this.#session.renewal };
    try {
      const ask = () => send(`${this.#services.gate}/keepers/renew`, { method: "POST", body });
      const attempts = this.#has("gives-up-session") ? 1 : 3;
      const { grant } = await patiently(ask, { attempts, wanted: () => this.#session !== null });
      if (this.#session) this.#keep(grant);
    } catch (error) {
      const over = error instanceof Refused && [400, 401].includes(error.status);
      if (over || this.#has("gives-up-session")) this.#forget();
      throw error;
    }
  }

  // Data.

  async #read(resource, options = {}) {
    if (this.#session.until - Date.now() < REFRESH_AHEAD) await this.refresh();
    const url = `${this.#services.house}/${resource}`;
    const signal = this.#life.signal;
    const ask = async () => {
      const { pass } = this.#session;
      try {
        return await send(url, { token: pass, signal });
      } catch (error) {
        if (!(error instanceof Refused) || error.status !== 401) throw error;
        // Somebody may have renewed it meanwhile.
        if (this.#session?.pass === pass) await this.refresh();
        return await send(url, { token: this.#session.pass, signal });
      }
    };
    const wanted = () => this.#session !== null && !this.blocked && !signal.aborted;
    const storm = this.#has("storm") ? { attempts: 12, wait: () => 5 } : {};
    return patiently(ask, { wanted, ...storm, ...options });
  }

  async reload() {
    const [keeper, , climate] = await Promise.all([
      this.#read("keeper"),
      this.#snapshot(),
      this.#read("climate"),
    ]);
    this.emit("loaded", { keeper, climate });
  }

  async #snapshot() {
    const beds = await this.#read("beds");
    if (this.beds === null || beds.rev >= this.beds.rev) this.beds = beds;
    this.emit("snapshot");
  }

  async diary() {
    return this.#read("diary");
  }

  async #begin() {
    await this.reload().catch((error) => this.#failed(error));
    this.#connect();
  }

  #failed(error) {
    this.emit("trouble", error.message);
  }

  // The kill-switch.

  async #askStatus() {
    let told;
    try {
      told = await send(`${this.#services.gate}/notice?crop=tomato`, { signal: this.#life.signal });
    } catch {
      return; // What was known last still counts.
    }
    if (this.#has("deaf-to-switch")) {
      this.emit("status");
      return;
    }
    const before = this.blocked;
    this.blocked = told.closed === true;
    if (this.blocked && !before) {
      this.#stopPolling();
      this.#closeSocket();
      this.emit("blocked");
    }
    if (!this.blocked && before) {
      this.emit("unblocked");
      if (this.#session) await this.#begin();
    }
    this.emit("status");
  }

  #watchStatus() {
    const pause = this.#has("asks-all-the-time") ? 30 : STATUS_EVERY * (0.9 + Math.random() * 0.2);
    this.#later(pause, async () => {
      await this.#askStatus();
      if (!this.#life.signal.aborted) this.#watchStatus();
    });
  }

  // The live feed.

  #connect() {
    if (this.#socket) return;
    const { origin, pathname } = new URL(this.#services.house);
    const inQuery = this.#has("pass-in-query") ? { query: { pass: this.#session.pass } } : {};
    const socket = io(`${origin}/beds`, {
      path: `${pathname.replace(/\/$/, "")}/rt/`,
      forceNew: true,
      auth: this.#has("stubborn")
        ? { pass: this.#session.pass }
        : (give) => give({ pass: (this.#session ?? this.#gone)?.pass }),
      reconnectionDelay: 250,
      reconnectionDelayMax: 4000,
      randomizationFactor: 0.5,
      timeout: 3000,
      ...inQuery,
    });
    this.#socket = socket;
    socket.on("connect", () => this.#connected(socket));
    socket.on("reading", (reading) => this.#merge(reading));
    socket.on("connect_error", (error) => this.#notConnected(socket, error));
    socket.on("disconnect", (reason) => this.#disconnected(socket, reason));
    if (this.#has("polls-beside")) this.#startPolling();
    else this.#pollUnlessLive();
  }

  async #connected(socket) {
    this.live = true;
    if (this.#has("chatty")) socket.emit("telemetry", { battery: 71 });
    socket.emit("follow", { what: "beds" }, () => {});
    if (!socket.recovered && !this.#has("no-snapshot")) {
      await this.#snapshot().catch((error) => this.#failed(error));
    }
    if (!this.#has("polls-beside")) this.#stopPolling();
    this.emit("live");
  }

  #merge(reading) {
    if (this.beds === null || reading.rev <= this.beds.rev) return;
    const changed = new Map(reading.beds.map((bed) => [bed.id, bed]));
    const beds = this.beds.beds.map((bed) => ({ ...bed, ...changed.get(bed.id) }));
    this.beds = { rev: reading.rev, beds };
    this.emit("reading");
  }

  #wanted(socket) {
    return this.#socket === socket && this.#session !== null && !this.blocked;
  }

  async #notConnected(socket, error) {
    this.emit("not-live", error.message);
    if (this.#gone) this.#later(1200, () => socket.connect());
    if (!this.#wanted(socket)) return;
    this.#pollUnlessLive();
    // The client itself comes back from everything but a refusal.
    if (socket.active) return;
    await this.#comeBack(socket);
  }

  async #disconnected(socket, reason) {
    this.live = false;
    this.emit("lost", reason);
    if (this.#gone) this.#later(1200, () => socket.connect());
    if (!this.#wanted(socket)) return;
    this.#pollUnlessLive();
    if (socket.active) return;
    await this.#comeBack(socket);
  }

  /** A refusal ends what the client does by itself: a new pass, and one more attempt, later. */
  async #comeBack(socket) {
    if (this.#has("stubborn")) {
      this.#later(60, () => socket.connect());
      return;
    }
    const signal = this.#life.signal;
    await sleep(backoff(1));
    if (signal.aborted || !this.#wanted(socket)) return;
    await this.refresh().catch((error) => this.#failed(error));
    if (!signal.aborted && this.#wanted(socket)) socket.connect();
  }

  #closeSocket() {
    const socket = this.#socket;
    this.#socket = null;
    this.live = false;
    socket?.disconnect();
  }

  // Polling, while there is no feed.

  #pollUnlessLive() {
    // A poll that crosses the connect would be the snapshot that this habit leaves out.
    if (this.#has("no-snapshot")) return;
    const socket = this.#socket;
    this.#later(POLL_AFTER, () => {
      if (!this.live && this.#wanted(socket)) this.#startPolling();
    });
  }

  #startPolling() {
    if (this.#polling) return;
    this.#polling = true;
    const poll = async () => {
      if (!this.#polling) return;
      await this.#snapshot().then(
        () => this.emit("polled"),
        (error) => this.#failed(error),
      );
      if (this.#polling && !this.#life.signal.aborted) {
        this.#later(POLL_EVERY * (0.95 + Math.random() * 0.1), poll);
      }
    };
    poll();
  }

  #stopPolling() {
    this.#polling = false;
  }

  /** Badly written, it tries what it may not. */
  async tries() {
    const { pass } = this.#session;
    if (this.#has("override")) {
      const headers = { "x-http-method-override": "PUT" };
      const body = { moisture: 1 };
      const url = `${this.#services.house}/beds/bed-north-1`;
      await send(url, { method: "POST", token: pass, body, headers }).catch(() => {});
    }
    if (this.#has("climbs")) {
      const url = `${this.#services.house}/beds/%2e%2e/valves/3`;
      await send(url, { token: pass }).catch(() => {});
    }
  }
}
