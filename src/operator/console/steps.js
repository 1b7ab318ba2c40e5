// What happened in the words of a scenario: what was marked as `do`, what was changed as `set`, what was declared and
// asked for as `expect`.

import { roleName } from "./tell.js";

// An entry as a step; nothing where a scenario has no words for it.
export function step({ kind, entry }) {
  const [name, own] = entry?.fact ? Object.entries(entry.fact)[0] : [kind, entry?.[kind]];
  if (own === undefined) return null;
  if (name === "act") return done(own);
  if (name === "request") return requested(own);
  if (name === "event") return `- expect: { event: ${flow(own.event)} }\n  within: 10s`;
  if (name === "frame") return own.direction === "down" && own.packet.event ? `- expect: { event: ${flow(own.packet.event.name)} }\n  within: 10s` : null;
  const change = name === "harness" ? own.changed?.change : undefined;
  return change === undefined ? null : changedTo(change);
}

const SESSION = ["sign-in", "refresh", "sign-out", "status"];

function requested({ role }) {
  const named = roleName(role);
  return role?.resource || SESSION.includes(named) ? `- expect: { request: ${flow(named)} }\n  within: 10s` : null;
}

function done(act) {
  const [name, own] = typeof act === "string" ? [act, {}] : Object.entries(act)[0];
  if (name === "sign-in") return `- do: sign-in\n  as: ${flow(own.account)}`;
  if (name === "open") return `- do: { open: ${flow(own.screen)} }`;
  if (name === "storage") return `- do: { storage: ${flow(own.accident)} }`;
  if (name === "clock") return `- do: { clock: ${own.offset === 0 ? "right" : `{ ${own.offset > 0 ? "ahead" : "behind"}: ${Math.abs(own.offset)}s }`} }`;
  return typeof act === "string" && !["offline", "online"].includes(act) ? `- do: ${act}` : null;
}

const SWITCHES = { maintenance: ["on", "off"], network: ["online", "offline"], websocket: ["open", "blocked"], socket: ["open", "blocked"] };

function changedTo(change) {
  if (typeof change === "string") return `- set: ${change}`;
  const [name, own] = Object.entries(change)[0];
  if (SWITCHES[name]) return `- set: { ${name}: ${SWITCHES[name][own ? 0 : 1]} }`;
  const runs = own.running ? "running" : "stopped";
  if (name === "backend") return `- set: { backend: ${own.service ? `{ ${flow(own.service)}: ${runs} }` : runs} }`;
  if (name === "push") return `- set: { push: ${flow(own.event)} }`;
  if (name === "own") return `- set: { change: ${flow(own)} }`;
  if (name === "malform") return `- set: { malform: { resource: ${flow(own.resource)}, as: ${own.class ?? "good"} } }`;
  return name === "fault" ? faulty(own) : null;
}

function faulty({ on, fault }) {
  const inside = typeof on === "string" ? on : Object.values(on)[0];
  const which = typeof inside === "string" ? inside : roleName(inside);
  if (!which) return null;
  const [name, own] = typeof fault === "string" ? [fault, null] : Object.entries(fault ?? { off: null })[0];
  const words = { delay: () => `delay: ${Math.round(own / 1000)}ms`, respond: () => `respond: ${own.status}`, withhold: () => `withhold: ${own}` };
  return `- set: { fault: { on: ${flow(which)}, ${words[name]?.() ?? `${name}: on`} } }`;
}

// A word of YAML, in quotes where it is more than one.
function flow(value) {
  return /^[A-Za-z][\w-]*$/.test(value) && !/^(?:true|false|null|yes|no|on|off)$/i.test(value) ? value : JSON.stringify(String(value));
}

// All of it as a scenario to begin with. What was asked for and told stands once below what led to it; events that the
// contract does not name are left out.
export function scenario(all, { events }) {
  const known = new Set(events.map(({ name }) => name));
  const out = ["name: What happened in a session", "steps:"];
  let seen = new Set();
  for (const entry of all) {
    const { request, frame } = entry.fact ?? {};
    const event = entry.event?.event ?? frame?.packet.event?.name;
    if ((request && request.sender !== "client") || (event !== undefined && !known.has(event))) continue;
    const told = step({ kind: entry.request ? "request" : "event", entry });
    if (told === null || seen.has(told)) continue;
    if (told.startsWith("- expect")) seen.add(told);
    else seen = new Set();
    out.push(...told.split("\n").map((line) => `  ${line}`));
  }
  return `${out.join("\n")}\n`;
}
