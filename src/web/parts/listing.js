// A list of which only what can be seen exists, so that a hundred thousand rows scroll as ten do.

import { html, useEffect, useLayoutEffect, useRef, useSignal } from "./view.js";

const BEYOND = 8;

// `rows` are numbers in order, `shown` and `tone` say how one of them looks. What `follow` says is kept at the end. Of two lists
// on a page each has a `name`.
export function Listing({ name = "entry", label, rows, selected, empty, shown, tone, onSelect, follow, onLeave }) {
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
    if (at < 0 || follow) return;
    const { list: tall, row } = size.value;
    const top = at * row;
    const seen = list.current.scrollTop;
    if (top < seen || top + row > seen + tall) list.current.scrollTop = top - tall / 2 + row / 2;
  }, [selected, rows, size.value]);
  useLayoutEffect(() => {
    if (follow) list.current.scrollTop = rows.length * size.value.row;
  }, [rows, follow, size.value]);

  const { list: tall, row } = size.value;
  const scrolled = ({ currentTarget }) => {
    // Whoever scrolls back wants to read what stands there.
    if (follow && currentTarget.scrollTop < scroll.value - 1 && currentTarget.scrollTop + tall < currentTarget.scrollHeight - row) onLeave?.();
    scroll.value = currentTarget.scrollTop;
  };
  const first = Math.max(0, Math.floor(scroll.value / row) - BEYOND);
  const last = Math.min(rows.length, Math.ceil((scroll.value + tall) / row) + BEYOND);
  const seen = [];
  for (let number = first; number < last; number += 1) seen.push(number);
  if (at >= 0 && (at < first || at >= last)) seen.push(at);
  return html`<div class="entries" ref=${list} role="listbox" tabindex="0" aria-label=${label} aria-activedescendant=${at >= 0 ? `${name}-${selected}` : undefined} onScroll=${scrolled}>
    <div class="all" role="presentation" style=${{ height: `${rows.length * row}px` }}>
      ${seen.map((number) => {
        const own = rows[number];
        return html`<div key=${own} id=${`${name}-${own}`} role="option" aria-selected=${own === selected ? "true" : "false"} aria-posinset=${number + 1} aria-setsize=${rows.length}
          class=${`entry ${tone(own)}`} style=${{ transform: `translateY(${number * row}px)` }} onClick=${() => onSelect(own)}>${shown(own)}</div>`;
      })}
    </div>
    ${rows.length === 0 && html`<p class="none" role="option" aria-selected="false">${empty}</p>`}
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
