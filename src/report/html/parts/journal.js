// A journal as columns: what a list and a timeline read. Whole entries are opened one block at a time.

import { openJson, openText } from "./unpack.js";

const COLUMNS = ["id", "at", "device", "kind", "of", "tone", "label", "line"];

// Opens every row of a scenario. Without journals, what the report itself cites is all there is.
export async function openJournal(parts, scenario) {
  if (!parts) return excerptOf(scenario);
  const opened = await Promise.all(
    parts.map(async (part) => ({
      header: part.header ? await openJson(part.header) : null,
      rows: await Promise.all(part.rows.map(({ block }) => openJson(block))),
      entries: part.entries,
      from: part.rows.map(({ from }) => from),
    })),
  );
  return inTime(together(opened));
}

function together(opened) {
  const journal = emptyJournal();
  opened.forEach((part, number) => {
    journal.headers.push(part.header);
    journal.whole.push({ blocks: part.entries, texts: new Map() });
    part.rows.forEach((rows, block) => {
      const length = rows.id.length;
      for (const column of COLUMNS) {
        const values = rows[column].length ? rows[column] : new Array(length).fill("");
        for (const value of values) journal[column].push(value);
      }
      for (let at = 0; at < length; at += 1) {
        journal.part.push(number);
        journal.ordinal.push(part.from[block] + at);
      }
    });
  });
  return journal;
}

export function emptyJournal() {
  const journal = { headers: [], whole: [], part: [], ordinal: [], complete: true };
  for (const column of COLUMNS) journal[column] = [];
  return journal;
}

// Journals of several devices are one, in the order in which things happened.
function inTime(journal) {
  if (journal.whole.length > 1) {
    const order = journal.id.map((_, at) => at).sort((a, b) => journal.at[a] - journal.at[b] || a - b);
    for (const column of [...COLUMNS, "part", "ordinal"]) {
      const values = journal[column];
      journal[column] = order.map((at) => values[at]);
    }
  }
  return finished(journal);
}

export function finished(journal) {
  journal.length = journal.id.length;
  journal.at = Float64Array.from(journal.at);
  journal.tone = Uint8Array.from(journal.tone);
  journal.longest = journal.length ? journal.at[journal.length - 1] : 0;
  journal.devices = [...new Set(journal.device)].filter(Boolean);
  journal.places = new Map();
  for (let at = journal.length - 1; at >= 0; at -= 1) journal.places.set(journal.id[at], at);
  // A request and what ended it find each other by the exchange.
  journal.asked = new Map();
  journal.ended = new Map();
  for (let at = 0; at < journal.length; at += 1) {
    const kind = journal.kind[at];
    if (kind === "request" || kind === "asked") journal.asked.set(journal.of[at], at);
    if (kind === "answer" || kind === "lost") journal.ended.set(journal.of[at], at);
  }
  return journal;
}

function excerptOf(scenario) {
  const journal = emptyJournal();
  journal.complete = false;
  const cited = scenario.findings.flatMap((finding) => finding.evidence);
  const known = new Map();
  for (const entry of [...cited, ...scenario.excerpt]) {
    if (entry.line !== null) known.set(entry.id, entry);
  }
  for (const entry of [...known.values()].sort((a, b) => a.id - b.id)) {
    const row = { id: entry.id, at: entry.at_us, kind: "entry", of: 0, tone: 0, device: "", label: "", line: entry.line };
    for (const column of COLUMNS) journal[column].push(row[column]);
    journal.part.push(0);
    journal.ordinal.push(0);
  }
  return finished(journal);
}

// The whole entry of a row: the object of the journal, or its text where it is none, or nothing where
// there was no room for it.
export async function wholeEntry(journal, at) {
  const whole = journal.whole[journal.part[at]];
  const ordinal = journal.ordinal[at];
  const found = whole?.blocks.findLast(({ from }) => from <= ordinal);
  if (!found) return null;
  if (!whole.texts.has(found.from)) whole.texts.set(found.from, openText(found.block));
  const line = (await whole.texts.get(found.from)).split("\n")[ordinal - found.from];
  if (!line) return null;
  try {
    return JSON.parse(line);
  } catch {
    return line;
  }
}
