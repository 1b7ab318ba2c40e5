// What an entry of the tape says, in the words of a row: the mock's entries and the proxy's are told alike.

// What rows can be narrowed to.
export const LANES = [
  ["requests", "Requests"], ["packets", "Packets"], ["findings", "Findings"], ["changes", "Levers"],
  ["app", "App and user"], ["harness", "Harness"], ["heartbeats", "Heartbeats"],
];

const TONES = { allowed: 0, "undeclared-read": 2, "not-judgeable": 2, forbidden: 3, "undeclared-write": 3 };

// One row: what it is about, by what it is found, and `joins` where it belongs to a row before it.
export function tell(kind, entry) {
  const told = byKind(kind, entry);
  return { lane: "harness", service: "", role: "", status: 0, event: "", klass: "", tone: 0, label: kind, aside: "", took: null, ...told };
}

function byKind(kind, entry) {
  if (kind === "finding") return finding(entry.finding ?? {});
  if (kind === "verdict") return { lane: "findings", label: `the verdict: ${entry.verdict?.verdict}`, aside: entry.verdict?.reason ?? "", tone: entry.verdict?.verdict === "passed" ? 1 : 3 };
  const fact = entry.fact ? Object.entries(entry.fact)[0] : null;
  return fact ? ofJournal(...fact) : noted(kind, entry[kind] ?? {});
}

function finding({ rule, message, severity, subject }) {
  return { lane: "findings", label: `${rule}  ${message}`, aside: subject ?? "", tone: severity === "information" ? 2 : 3, event: rule ?? "" };
}

// What the mock notes of itself.
function noted(kind, own) {
  switch (kind) {
    case "request":
      return { lane: "requests", service: own.service, role: roleName(own.role), status: own.status, klass: own.role ? "" : "undeclared", tone: toneOf(own.status), label: `${own.method} ${own.path}${own.query ? `?${own.query}` : ""}`, aside: own.user ?? "", took: own.took_ms };
    case "event":
      return { lane: "packets", event: own.event, label: `↓ ${own.event}`, aside: `to ${own.sockets} ${own.sockets === 1 ? "socket" : "sockets"}` };
    case "socket":
      return { lane: "packets", label: own.open ? "socket connected" : "socket left", aside: own.user ?? "", tone: own.open ? 0 : 2 };
    case "refused":
      return { lane: "requests", service: own.service, label: "a client was not served", aside: own.why, tone: 2 };
    case "operator":
      return { lane: "changes", label: String(own.asked), aside: brief(own.done) };
    case "world":
      return { lane: "changes", label: "the world’s file was read again", aside: brief(own.changed) };
    default:
      return { label: kind, aside: brief(own) };
  }
}

// What stands in a journal.
function ofJournal(kind, own) {
  switch (kind) {
    case "request":
      return asked(own);
    case "answer":
      return { lane: "requests", joins: own.exchange, status: own.status, tone: toneOf(own.status), label: `answer ${own.status}`, aside: own.from === "backend" ? "" : "by the gateway" };
    case "lost":
      return { lane: "requests", joins: own.exchange, tone: own.reason === "client-gone" ? 2 : 3, label: "no answer", aside: word(own.reason) };
    case "uploaded":
      return { lane: "requests", joins: own.exchange, keeps: true, label: `uploaded ${own.bytes} bytes` };
    case "token-issued":
      return { lane: "app", label: `${own.kind} token ${own.label}`, aside: own.username ?? "" };
    case "frame":
      return frame(own);
    case "socket-opened":
      return { lane: "packets", service: own.service, label: `socket ${own.socket} opened`, aside: own.transport };
    case "socket-upgraded":
      return { lane: "packets", label: `socket ${own.socket} is a WebSocket now` };
    case "socket-closed":
      return { lane: "packets", label: `socket ${own.socket} closed`, aside: word(own.end), tone: 2 };
    case "app":
      return { lane: "app", label: `app: ${word(own)}`, aside: brief(inside(own)) };
    case "act":
      return { lane: "app", label: `user: ${word(own)}`, aside: brief(inside(own)) };
    case "harness":
      return harness(own);
    default:
      return { label: kind, aside: own.why ?? brief(own), service: own.service ?? "", tone: 2 };
  }
}

function asked(own) {
  const client = own.sender === "client";
  const klass = own.judgement?.class ?? "";
  return { lane: client ? "requests" : "harness", exchange: own.exchange, service: own.service, role: roleName(own.role), klass, tone: client ? (TONES[klass] ?? 0) : 0, label: `${own.method} ${own.target}`, aside: client ? "" : "the harness asks" };
}

function frame(own) {
  const [name, packet] = typeof own.packet === "string" ? [own.packet, {}] : Object.entries(own.packet)[0];
  const beats = ["ping", "pong", "noop"].includes(name) && !packet.probe;
  const event = name === "event" ? packet.name : "";
  const klass = own.judgement?.class ?? "";
  const arrow = own.direction === "up" ? "↑" : "↓";
  const shown = event || (name === "ack" ? `ack ${packet.id}` : name);
  return { lane: beats ? "heartbeats" : "packets", event, klass, tone: TONES[klass] ?? (name === "connect-error" ? 2 : 0), label: `${arrow} ${shown}`, aside: `${own.transport}, socket ${own.socket}${event ? `  ${brief(packet.args?.json?.value)}` : ""}` };
}

function harness(own) {
  const kind = word(own);
  const told = inside(own);
  if (kind === "changed" || kind === "lever" || kind === "fault") return { lane: "changes", label: changed(told?.change ?? told), aside: "" };
  if (kind === "canary") return { label: "canary", aside: told.call, tone: told.caught ? 1 : 3 };
  return { label: kind, aside: brief(told), tone: kind === "failed" ? 3 : ["late", "lagged", "interrupted"].includes(kind) ? 2 : 0 };
}

function changed(change) {
  const own = inside(change);
  return own === null || own === undefined ? word(change) : `${word(change)} ${brief(own)}`;
}

export function roleName(role) {
  if (!role) return "";
  return typeof role === "string" ? role : (Object.values(role)[0] ?? "");
}

function toneOf(status) {
  return status >= 500 ? 3 : status >= 400 ? 2 : 0;
}

// The first word of a value as a journal writes it, and what stands below it.
function word(value) {
  return typeof value === "string" ? value : (Object.keys(value ?? {})[0] ?? "");
}

function inside(value) {
  return typeof value === "string" || !value ? null : Object.values(value)[0];
}

// A value on one short line.
export function brief(value) {
  if (value === null || value === undefined) return "";
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > 160 ? `${text.slice(0, 160)}…` : text;
}
