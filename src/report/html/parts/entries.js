// The entries of a journal as a list. Rows in, chosen rows out.

import { html } from "./view.js";
import { Listing } from "./listing.js";
import { moment } from "./words.js";

// What a list can be narrowed to, with the kinds of entries that are meant.
export const LANES = [
  ["requests", "Requests", ["request", "answer", "lost", "uploaded", "token", "unreadable"]],
  ["packets", "Packets", ["up", "down", "socket-opened", "socket-upgraded", "socket-closed"]],
  ["app", "App and user", ["screen", "link", "feed", "app", "act"]],
  ["changes", "Faults and levers", ["change"]],
  ["steps", "Steps", ["step", "unmet"]],
  ["harness", "Harness", ["asked", "canary", "harness", "broken"]],
];

const LANE_OF = new Map(LANES.flatMap(([key, , kinds]) => kinds.map((kind) => [kind, key])));

// The rows that are wanted, in order.
export function chosen(journal, { text, lanes, bad, device }) {
  const sought = text.trim().toLowerCase();
  const rows = [];
  for (let at = 0; at < journal.length; at += 1) {
    if (bad && journal.tone[at] < 2) continue;
    if (device && journal.device[at] && journal.device[at] !== device) continue;
    if (lanes.size && !lanes.has(laneOf(journal, at))) continue;
    if (sought && !journal.line[at].toLowerCase().includes(sought) && `#${journal.id[at]}` !== sought) continue;
    rows.push(at);
  }
  return rows;
}

// An answer to the harness is the harness's, too.
function laneOf(journal, at) {
  const lane = LANE_OF.get(journal.kind[at]) ?? "harness";
  if (lane !== "requests" || journal.kind[at] === "request") return lane;
  const asked = journal.asked.get(journal.of[at]);
  return asked !== undefined && journal.kind[asked] === "asked" ? "harness" : lane;
}

export function Entries({ journal, rows, selected, cited, onSelect }) {
  return html`<${Listing} label="Entries" rows=${rows} selected=${selected} empty="Nothing matches." onSelect=${onSelect}
    tone=${(own) => `t${journal.tone[own]} ${cited.has(own) ? "cited" : ""}`}
    shown=${(own) => html`<span class="when">${moment(journal.at[own], journal.longest)}</span><span class="id">#${journal.id[own]}</span><span class=${`dot l-${laneOf(journal, own)}`}></span><span class="line">${journal.line[own]}</span>`} />`;
}
