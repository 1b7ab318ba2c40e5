// The rows of what happened, as far as the page holds them: in order, each with a number that it keeps.

import { tell } from "./tell.js";

// How many rows the page holds. What is older is on the tape, as long as that has it.
const MOST = 100_000;
const DROPPED = 10_000;

export function makeRows() {
  const rows = { held: [], base: 0, byEntry: new Map(), asked: new Map(), last: 0 };
  rows.get = (row) => rows.held[row - rows.base];
  rows.next = () => rows.base + rows.held.length;
  return rows;
}

// Takes an entry in. Answers its row: a new one, or the one that it belongs to.
export function take(rows, { number, kind, entry }) {
  const at = entry.at_us ?? (entry.at_ms ?? 0) * 1000;
  const told = tell(kind, entry);
  rows.last = number;
  const asked = told.joins === undefined ? undefined : rows.asked.get(told.joins);
  if (asked !== undefined && rows.get(asked)) {
    rows.byEntry.set(entry.id, asked);
    return addAnswer(rows, asked, number, at, told);
  }
  const row = rows.next();
  rows.held.push({ number, ended: null, at, id: entry.id ?? number, ...told, found: `${told.label} ${told.aside} ${told.service} ${told.role}`.toLowerCase() });
  if (entry.id !== undefined) rows.byEntry.set(entry.id, row);
  if (told.exchange !== undefined) rows.asked.set(told.exchange, row);
  if (rows.held.length > MOST + DROPPED) drop(rows);
  return row;
}

// An answer stands in the row of its request.
function addAnswer(rows, row, number, at, told) {
  const own = rows.get(row);
  if (told.keeps) return row;
  own.ended = number;
  own.status = told.status;
  own.took = (at - own.at) / 1000;
  own.tone = own.lane === "harness" ? own.tone : Math.max(own.tone, told.tone);
  if (told.aside) own.aside = [own.aside, told.aside].filter(Boolean).join(", ");
  if (told.status === 0) own.aside = [told.label, own.aside].filter(Boolean).join(": ");
  own.found += ` ${told.status || told.label} ${told.aside}`.toLowerCase();
  rows.asked.delete(told.joins);
  return row;
}

function drop(rows) {
  rows.held.splice(0, DROPPED);
  rows.base += DROPPED;
  for (const map of [rows.byEntry, rows.asked]) {
    for (const [key, row] of map) if (row < rows.base) map.delete(key);
  }
}

// Whether a row is wanted.
export function wanted(row, { text, service, role, status, event, klass, lanes, bad }) {
  if (lanes.size ? !lanes.has(row.lane) : row.lane === "heartbeats") return false;
  if (bad && row.tone < 2) return false;
  if (service && row.service !== service) return false;
  if (role && row.role !== role) return false;
  if (event && row.event !== event) return false;
  if (klass && row.klass !== klass) return false;
  if (status && String(row.status)[0] !== status) return false;
  return !text || row.found.includes(text) || `#${row.id}` === text;
}

// The rows that are wanted from a row on.
export function chosen(rows, filter, from) {
  const found = [];
  for (let row = Math.max(from, rows.base); row < rows.next(); row += 1) if (wanted(rows.get(row), filter)) found.push(row);
  return found;
}
