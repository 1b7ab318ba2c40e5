// What a journal comes to on a timeline: lanes with bands (a state that lasts), bars (an exchange)
// and marks (a moment). All are rows of the journal, by number, so any axis can place them.

const TRACKS = 4;

// The lanes of a journal, from the user down to the findings. A lane is {key, title, kind, items};
// an item {from, to, label, tone, row}.
export function tellStory(journal, findings) {
  const several = journal.devices.length > 1;
  const lanes = [];
  for (const device of several ? journal.devices : [null]) {
    const own = (row) => device === null || journal.device[row] === device;
    const named = (title) => (several ? `${device} · ${title}` : title);
    const of = (...kinds) => rowsOf(journal, kinds, own);
    lanes.push(lane("user", named("user"), "marks", marks(journal, of("act"))));
    lanes.push(lane("screen", named("screen"), "bands", states(journal, of("screen"))));
    lanes.push(lane("link", named("link"), "bands", states(journal, of("link"))));
    lanes.push(lane("feed", named("feed"), "bands", states(journal, of("feed"))));
    lanes.push(lane("socket", named("socket"), "bands", sockets(journal, of("socket-opened", "socket-upgraded", "socket-closed"))));
    lanes.push(lane("requests", named("requests"), "bars", exchanges(journal, of("request"))));
    lanes.push(lane("packets", named("packets"), "ticks", marks(journal, of("up", "down"))));
  }
  const any = () => true;
  const all = (...kinds) => rowsOf(journal, kinds, any);
  lanes.push(lane("changes", "faults, levers", "bands", changes(journal, all("change"))));
  lanes.push(lane("steps", "steps", "bands", steps(journal, all("step"))));
  lanes.push(lane("harness", "harness", "bars", [
    ...exchanges(journal, all("asked")),
    ...marks(journal, all("canary", "unmet", "harness", "broken", "unreadable")),
  ]));
  lanes.push(lane("findings", "findings", "flags", flags(journal, findings)));
  return lanes.filter((own) => own.items.length > 0 || own.key === "findings").map(arranged);
}

function lane(key, title, kind, items) {
  return { key, title, kind, items };
}

function rowsOf(journal, kinds, own) {
  const rows = [];
  for (let at = 0; at < journal.length; at += 1) {
    if (kinds.includes(journal.kind[at]) && own(at)) rows.push(at);
  }
  return rows;
}

function item(journal, row, to, label, tone) {
  return { from: row, to, label: label ?? journal.label[row], tone: tone ?? journal.tone[row], row };
}

function marks(journal, rows) {
  return rows.map((row) => item(journal, row, row));
}

// Each state lasts until the next one, the last until the end.
function states(journal, rows) {
  const last = journal.length - 1;
  return rows.map((row, at) => item(journal, row, rows[at + 1] ?? last));
}

function sockets(journal, rows) {
  const open = new Map();
  const bands = [];
  for (const row of rows) {
    const before = open.get(journal.of[row]);
    if (before) before.to = row;
    open.delete(journal.of[row]);
    if (journal.kind[row] === "socket-closed") continue;
    const band = item(journal, row, journal.length - 1);
    open.set(journal.of[row], band);
    bands.push(band);
  }
  return bands;
}

function exchanges(journal, rows) {
  return rows.map((row) => {
    const end = journal.ended.get(journal.of[row]);
    const known = end !== undefined && end >= row;
    const tone = known ? Math.max(journal.tone[row], journal.tone[end]) : 2;
    const came = known ? ` ${journal.label[end]}` : "";
    return item(journal, row, known ? end : journal.length - 1, `${journal.label[row]}${came}`, tone);
  });
}

// A change that begins lasts until one of the same name ends it; ending all ends each.
function changes(journal, rows) {
  const open = new Map();
  const bands = [];
  for (const row of rows) {
    const name = journal.label[row];
    if (journal.of[row] !== 0) {
      for (const [other, band] of open) {
        if (other !== name && !(journal.of[row] === 2 && other.startsWith(`${name} `))) continue;
        band.to = row;
        open.delete(other);
      }
    }
    if (journal.of[row] === 2) continue;
    const lasts = journal.of[row] === 1;
    const band = item(journal, row, lasts ? journal.length - 1 : row, name, 2);
    if (lasts) open.set(name, band);
    bands.push(band);
  }
  return bands;
}

function steps(journal, rows) {
  const open = new Map();
  const bands = [];
  for (const row of rows) {
    const number = journal.of[row];
    const band = open.get(number);
    if (band) {
      band.to = row;
      band.tone = journal.tone[row];
      open.delete(number);
    } else {
      const begun = item(journal, row, journal.length - 1, `${number} ${journal.label[row]}`);
      open.set(number, begun);
      bands.push(begun);
    }
  }
  return bands;
}

function flags(journal, findings) {
  const placed = [];
  findings.forEach((finding, number) => {
    const row = journal.places.get(finding.evidence.at(-1)?.id);
    if (row === undefined) return;
    const tone = finding.severity === "information" ? 0 : 3;
    placed.push({ ...item(journal, row, row, finding.rule, tone), finding: number });
  });
  return placed.sort((a, b) => a.row - b.row);
}

// Puts what overlaps on tracks of its own, as far as there are some.
function arranged(own) {
  own.items.sort((a, b) => a.from - b.from || b.to - a.to);
  const ends = [];
  let longest = 0;
  for (const one of own.items) {
    longest = Math.max(longest, one.to - one.from);
    let track = ends.findIndex((end) => end <= one.from);
    if (track < 0) track = ends.length < TRACKS ? ends.length : ends.indexOf(Math.min(...ends));
    if (own.kind === "ticks" || own.kind === "flags" || own.kind === "marks") track = 0;
    ends[track] = Math.max(ends[track] ?? 0, one.to);
    one.track = track;
  }
  own.tracks = Math.max(1, ends.length);
  own.longest = longest;
  return own;
}

// The steps of a scenario in order, with how they came out.
export function stepsOf(journal) {
  const found = new Map();
  for (let at = 0; at < journal.length; at += 1) {
    if (journal.kind[at] !== "step") continue;
    const number = journal.of[at];
    if (!found.has(number)) found.set(number, { number, text: journal.label[at], row: at, tone: 0, end: null });
    else Object.assign(found.get(number), { tone: journal.tone[at], end: at });
  }
  return [...found.values()].sort((a, b) => a.number - b.number);
}
