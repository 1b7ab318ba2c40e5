// The entries of a journal as a list of which only what can be seen exists. Rows in, chosen rows out.

import { html, useEffect, useLayoutEffect, useRef, useSignal } from "./view.js";
import { moment } from "./words.js";

const BEYOND = 8;

// What a list can be narrowed to, with the kinds of entries that are meant.
export const LANES = [
  ["requests", "Requests", ["request", "answer", "lost", "uploaded", "token", "unreadable"]],
  ["packets", "Packets", ["up", "down", "socket-opened", "socket-upgraded", "socket-closed"]],
  ["app", "App and user", ["screen", "link", "feed", "app", "act"]],
  ["changes", "Faults and levers", ["change"]],
  ["steps", "Steps", ["step", "unmet"]],
  ["harness", "Harness", ["asked", "canary", "harness", "broken"]],
];

export const LANE_OF = new Map(LANES.flatMap(([key, , kinds]) => kinds.map((kind) => [kind, key])));

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
  const list = useRef(null);
  const scroll = useSignal(0);
  const size = useSignal({ list: 600, row: 27 });
  useLayoutEffect(() => {
    const measure = () => {
      const row = parseFloat(getComputedStyle(list.current).getPropertyValue("--row"));
      size.value = { list: list.current.clientHeight, row };
    };
    const watched = new ResizeObserver(measure);
    watched.observe(list.current);
    measure();
    return () => watched.disconnect();
  }, []);
  const place = selected === null ? -1 : lowest(rows, selected);
  const at = rows[place] === selected ? place : -1;
  useEffect(() => {
    if (at < 0) return;
    const { list: tall, row } = size.value;
    const top = at * row;
    const seen = list.current.scrollTop;
    if (top < seen || top + row > seen + tall) list.current.scrollTop = top - tall / 2 + row / 2;
  }, [selected, rows, size.value]);

  const { list: tall, row } = size.value;
  const first = Math.max(0, Math.floor(scroll.value / row) - BEYOND);
  const last = Math.min(rows.length, Math.ceil((scroll.value + tall) / row) + BEYOND);
  const shown = [];
  for (let number = first; number < last; number += 1) shown.push(number);
  if (at >= 0 && (at < first || at >= last)) shown.push(at);
  return html`<div class="entries" ref=${list} role="listbox" tabindex="0" aria-label="Entries" aria-activedescendant=${at >= 0 ? `entry-${selected}` : undefined}
      onScroll=${(event) => (scroll.value = event.currentTarget.scrollTop)}>
    <div class="all" role="presentation" style=${{ height: `${rows.length * row}px` }}>
      ${shown.map((number) => {
        const own = rows[number];
        return html`<div key=${own} id=${`entry-${own}`} role="option" aria-selected=${own === selected ? "true" : "false"} aria-posinset=${number + 1} aria-setsize=${rows.length}
          class=${`entry t${journal.tone[own]} ${cited.has(own) ? "cited" : ""}`} style=${{ transform: `translateY(${number * row}px)` }} onClick=${() => onSelect(own)}>
          <span class="when">${moment(journal.at[own], journal.longest)}</span><span class="id">#${journal.id[own]}</span><span class=${`dot l-${LANE_OF.get(journal.kind[own]) ?? "harness"}`}></span><span class="line">${journal.line[own]}</span></div>`;
      })}
    </div>
    ${rows.length === 0 && html`<p class="none" role="option" aria-selected="false">Nothing matches.</p>`}
  </div>`;
}

// The place of the first of these rows that is not before `row`.
export function lowest(rows, row) {
  let [low, high] = [0, rows.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rows[middle] < row) low = middle + 1;
    else high = middle;
  }
  return low;
}
