// The timeline: lanes on one axis, drawn on a canvas, so that a hundred thousand entries move at once.
// Rows in, chosen rows out; the window is a signal of fractions of the axis.

import { html, useEffect, useRef, useSignal, effect } from "./view.js";
import { moment, took } from "./words.js";

const RULER = 22;
const GAP = 7;
const PAD = 10;
const HEIGHTS = { bands: 18, bars: 9, ticks: 16, marks: 16, flags: 18 };
const SHADES = {
  feed: { live: "good", polling: "odd", stale: "bad" },
  link: { online: "quiet", offline: "bad" },
  socket: { websocket: "blue", polling: "odd" },
  screen: { maintenance: "odd", "signed-out": "quiet", loading: "quiet" },
};
const TONES = ["quiet", "good", "odd", "bad"];
const INKS = ["text", "faint", "rule", "page", "accent", "blue", "quiet", "good", "odd", "bad"];
const NARROWEST = 20;

// Where a row stands on an axis, and how long the axis is.
export function axisOf(journal, axis) {
  if (axis === "time") return { of: (row) => journal.at[row], length: journal.longest || 1 };
  return { of: (row) => row, length: Math.max(1, journal.length - 1) };
}

// A window that stays within the axis and wide enough to be seen.
export function windowed(from, to, length) {
  const width = Math.min(1, Math.max(to - from, Math.min(1, NARROWEST / length)));
  const start = Math.min(Math.max(0, from), 1 - width);
  return { from: start, to: start + width };
}

export function zoomed(view, factor, around, length) {
  const centre = view.from + (view.to - view.from) * around;
  const width = (view.to - view.from) * factor;
  return windowed(centre - width * around, centre + width * (1 - around), length);
}

export function Lanes({ journal, story, view, axis, selected, theme, onSelect }) {
  const canvas = useRef(null);
  const map = useRef(null);
  const hovered = useSignal(null);
  const height = RULER + story.reduce((sum, lane) => sum + heightOf(lane) + GAP, 0);

  useEffect(() => {
    const painter = { waiting: false };
    const paint = () => {
      painter.waiting = false;
      if (!canvas.current) return;
      const inks = inksOf(canvas.current);
      const state = { journal, story, view: view.value, axis: axisOf(journal, axis.value), selected: selected.value, kind: axis.value };
      draw(canvas.current, inks, state);
      drawMap(map.current, inks, state);
    };
    const soon = () => {
      if (!painter.waiting) requestAnimationFrame(paint);
      painter.waiting = true;
    };
    const stop = effect(() => {
      // Named, so that a change of any of them draws anew.
      void [view.value, axis.value, selected.value, theme.value];
      soon();
    });
    const resized = new ResizeObserver(soon);
    resized.observe(canvas.current);
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    scheme.addEventListener("change", soon);
    return () => {
      stop();
      resized.disconnect();
      scheme.removeEventListener("change", soon);
    };
  }, [journal, story]);

  useEffect(() => gestures(canvas.current, { journal, story, view, axis, selected, hovered, onSelect }), [journal, story]);
  useEffect(() => dragged(map.current, { journal, view, axis }), [journal]);

  const told = hovered.value ?? selected.value;
  return html`<div class="lanes">
    <ol class="gutter" aria-hidden="true" style=${{ paddingTop: `${RULER}px` }}>
      ${story.map((lane) => html`<li key=${lane.title} style=${{ height: `${heightOf(lane) + GAP}px` }}>${lane.title}</li>`)}
    </ol>
    <canvas ref=${canvas} class="stage" style=${{ height: `${height}px` }} tabindex="0" role="application" aria-roledescription="timeline"
      aria-label=${`Timeline of ${journal.length} entries in ${story.length} lanes`} aria-describedby="keys-hint"></canvas>
    <span class="gutter"></span>
    <canvas ref=${map} class="map" aria-hidden="true"></canvas>
    <p class="told" aria-hidden="true">${told === null ? "\u00a0" : `#${journal.id[told]}  ${moment(journal.at[told], journal.longest)}  ${journal.line[told]}`}</p>
  </div>`;
}

function heightOf(lane) {
  return lane.tracks * HEIGHTS[lane.kind] + (lane.tracks - 1) * 2;
}

// Colours as the style sheet has them now.
function inksOf(element) {
  const probe = document.createElement("i");
  element.parentElement.append(probe);
  const inks = {};
  for (const name of INKS) {
    probe.style.color = `var(--${name})`;
    inks[name] = getComputedStyle(probe).color;
  }
  probe.remove();
  return inks;
}

function prepared(canvas) {
  const scale = devicePixelRatio || 1;
  const { clientWidth: width, clientHeight: height } = canvas;
  if (canvas.width !== Math.round(width * scale)) canvas.width = Math.round(width * scale);
  if (canvas.height !== Math.round(height * scale)) canvas.height = Math.round(height * scale);
  const pen = canvas.getContext("2d");
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  pen.clearRect(0, 0, width, height);
  pen.font = "11px system-ui, sans-serif";
  pen.textBaseline = "middle";
  return { pen, width, height };
}

function scaleOf(state, width) {
  const { view, axis } = state;
  const inner = width - 2 * PAD;
  const per = inner / ((view.to - view.from) * axis.length);
  return (row) => PAD + (axis.of(row) - view.from * axis.length) * per;
}

function draw(canvas, inks, state) {
  const { pen, width, height } = prepared(canvas);
  const x = scaleOf(state, width);
  ruler(pen, inks, state, width, height);
  let top = RULER;
  for (const lane of state.story) {
    const tall = heightOf(lane);
    pen.fillStyle = inks.rule;
    pen.globalAlpha = 0.5;
    pen.fillRect(0, top + tall + GAP / 2 - 0.5, width, 1);
    pen.globalAlpha = 1;
    drawLane(pen, inks, state, lane, top, x, width);
    top += tall + GAP;
  }
  if (state.selected !== null) {
    const at = x(state.selected);
    pen.fillStyle = inks.accent;
    pen.fillRect(Math.round(at) - 0.5, 0, 1.5, height);
    pen.beginPath();
    pen.arc(at, 4, 4, 0, 7);
    pen.fill();
  }
}

// Round steps of the axis, with at least this many pixels between them.
function ruler(pen, inks, state, width, height) {
  const { view, axis, kind, journal } = state;
  const shown = (view.to - view.from) * axis.length;
  const least = (shown / Math.max(1, width)) * 90;
  const step = kind === "time" ? roundTime(least) : Math.max(1, roundNumber(least));
  pen.fillStyle = inks.faint;
  for (let at = Math.ceil((view.from * axis.length) / step) * step; at <= view.to * axis.length + 1; at += step) {
    const px = PAD + ((at - view.from * axis.length) / shown) * (width - 2 * PAD);
    pen.globalAlpha = 0.35;
    pen.fillRect(Math.round(px), RULER - 4, 1, height);
    pen.globalAlpha = 1;
    const said = kind === "time" ? took(at / 1000) : `#${journal.id[Math.min(at, journal.length - 1)] ?? ""}`;
    if (px < width - 40) pen.fillText(said, Math.round(px) + 3, RULER / 2 - 2);
  }
}

function roundNumber(least) {
  const power = 10 ** Math.floor(Math.log10(Math.max(least, 1e-9)));
  return [1, 2, 5, 10].map((times) => times * power).find((step) => step >= least);
}

// Microseconds.
function roundTime(least) {
  const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400];
  return steps.map((s) => s * 1e6).find((step) => step >= least && least >= 5e5) ?? Math.max(1, roundNumber(least));
}

function drawLane(pen, inks, state, lane, top, x, width) {
  const tall = HEIGHTS[lane.kind];
  if (lane.kind === "marks") {
    drawMarks(pen, inks, state, lane, top, x, width);
    return;
  }
  // Of what falls on one pixel only the gravest is drawn.
  const drawn = new Map();
  for (const item of visible(state, lane)) {
    const from = x(item.from);
    const to = Math.max(x(item.to), from);
    if (to < -2 || from > width + 2) continue;
    const y = top + item.track * (tall + 2);
    const wide = lane.kind === "bands" || lane.kind === "bars" ? Math.max(to - from, 3) : 2;
    const before = drawn.get(item.track);
    if (before && from + wide <= before.end + 0.75 && item.tone <= before.tone && item.row !== state.selected) continue;
    const graver = before && from <= before.end ? Math.max(before.tone, item.tone) : item.tone;
    drawn.set(item.track, { end: from + wide, tone: graver });
    SHAPES[lane.kind](pen, inks, { lane, item, from, wide, y, tall, width, state });
  }
}

// A mark bears its name where there is room up to the next one.
function drawMarks(pen, inks, state, lane, top, x, width) {
  const middle = top + HEIGHTS.marks / 2;
  const items = [...visible(state, lane)];
  let before = -Infinity;
  items.forEach((item, at) => {
    const from = x(item.from);
    if (from - before < 1) return;
    before = from;
    pen.fillStyle = item.tone > 1 ? inks[TONES[item.tone]] : inks.text;
    pen.beginPath();
    pen.arc(from, middle, 3, 0, 7);
    pen.fill();
    const next = items.slice(at + 1, at + 40).find((other) => x(other.from) - from >= 1);
    const room = (next ? x(next.from) : width) - from - 12;
    if (room > 24) pen.fillText(fitted(item.label, room), from + 6, middle + 0.5);
  });
}

// The items that can reach into the window.
function* visible(state, lane) {
  const { axis, view } = state;
  const start = view.from * axis.length;
  const end = view.to * axis.length;
  const items = lane.items;
  let low = 0;
  if (lane.kind !== "bands" && lane.kind !== "bars") {
    let high = items.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (axis.of(items[middle].from) < start) low = middle + 1;
      else high = middle;
    }
    low = Math.max(0, low - 1);
  }
  for (let at = low; at < items.length; at += 1) {
    const item = items[at];
    if (axis.of(item.from) > end) return;
    if (axis.of(item.to) >= start || at === low) yield item;
  }
}

const SHAPES = {
  bands(pen, inks, { lane, item, from, wide, y, tall, width }) {
    const shade = lane.key === "changes" ? "odd" : lane.key === "steps" ? (item.tone === 3 ? "bad" : "quiet") : (SHADES[lane.key]?.[item.label] ?? (lane.key === "screen" ? "blue" : "quiet"));
    pen.fillStyle = inks[shade];
    pen.globalAlpha = shade === "quiet" ? 0.16 : 0.24;
    box(pen, from, y, wide - 1, tall, 3);
    pen.globalAlpha = 1;
    pen.fillRect(from, y, 2, tall);
    const left = Math.max(from, 0) + 6;
    const room = Math.min(from + wide, width) - left - 4;
    if (room > 18) {
      pen.fillStyle = inks.text;
      pen.fillText(fitted(item.label, room), left, y + tall / 2 + 0.5);
    }
  },
  bars(pen, inks, { item, from, wide, y, tall }) {
    pen.fillStyle = item.tone === 0 ? inks.blue : inks[TONES[item.tone]];
    pen.globalAlpha = item.tone === 0 ? 0.7 : 0.95;
    box(pen, from, y, wide, tall, 2);
    pen.globalAlpha = 1;
  },
  ticks(pen, inks, { item, from, y, tall, state }) {
    const up = state.journal.kind[item.row] === "up";
    pen.fillStyle = item.tone > 1 ? inks[TONES[item.tone]] : up ? inks.blue : inks.good;
    pen.fillRect(from - 0.75, up ? y : y + tall / 2, 1.75, tall / 2);
  },
  flags(pen, inks, { item, from, y, tall }) {
    pen.fillStyle = item.tone > 1 ? inks.bad : inks.faint;
    pen.beginPath();
    pen.moveTo(from, y + 1);
    pen.lineTo(from + 9, y + tall / 3);
    pen.lineTo(from, y + (2 * tall) / 3);
    pen.fill();
    pen.fillRect(from - 0.75, y, 1.5, tall);
  },
};

function box(pen, x, y, width, height, radius) {
  // A box that leaves the window far is cut, which the canvas is grateful for.
  const left = Math.max(x, -20);
  const right = Math.min(x + Math.max(width, 1), 10_000);
  pen.beginPath();
  pen.roundRect(left, y, Math.max(1, right - left), height, radius);
  pen.fill();
}

function fitted(text, room) {
  const most = Math.floor(room / 6);
  return text.length <= most ? text : `${text.slice(0, Math.max(1, most - 1))}…`;
}

function drawMap(canvas, inks, state) {
  const { pen, width, height } = prepared(canvas);
  const { journal, axis, view, story } = state;
  const inner = width - 2 * PAD;
  const heights = new Uint32Array(Math.max(1, Math.ceil(inner)));
  for (let row = 0; row < journal.length; row += 1) {
    heights[Math.min(heights.length - 1, Math.floor((axis.of(row) / axis.length) * heights.length))] += 1;
  }
  const most = Math.log1p(Math.max(...heights));
  pen.fillStyle = inks.faint;
  pen.globalAlpha = 0.45;
  heights.forEach((many, at) => {
    if (many) pen.fillRect(PAD + at, height - 2 - (Math.log1p(many) / most) * (height - 6), 1, height);
  });
  pen.globalAlpha = 1;
  for (const flag of story.at(-1)?.key === "findings" ? story.at(-1).items : []) {
    pen.fillStyle = flag.tone > 1 ? inks.bad : inks.faint;
    pen.fillRect(PAD + (axis.of(flag.row) / axis.length) * inner - 1, 0, 2, height);
  }
  const left = PAD + view.from * inner;
  const wide = (view.to - view.from) * inner;
  pen.fillStyle = inks.accent;
  pen.globalAlpha = 0.12;
  pen.fillRect(left, 0, wide, height);
  pen.globalAlpha = 1;
  pen.strokeStyle = inks.accent;
  pen.strokeRect(left + 0.5, 0.5, Math.max(1, wide - 1), height - 1);
}

// What is nearest to a point, or nothing.
function hit({ journal, story, view, axis, selected }, canvas, event) {
  const { left, top: edge, width } = canvas.getBoundingClientRect();
  const state = { view: view.value, axis: axisOf(journal, axis.value) };
  const x = scaleOf(state, width);
  const [px, py] = [event.clientX - left, event.clientY - edge];
  let top = RULER;
  for (const lane of story) {
    const tall = heightOf(lane) + GAP;
    if (py >= top - GAP / 2 && py < top + tall - GAP / 2) {
      let best = null;
      for (const item of visible(state, lane)) {
        const [from, to] = [x(item.from), Math.max(x(item.to), x(item.from))];
        const across = Math.max(from - px, 0, px - to - 3);
        const down = Math.abs(py - top - (item.track + 0.5) * (HEIGHTS[lane.kind] + 2));
        // Of many at one place, the next one after what is selected.
        const passed = selected.value !== null && item.row <= selected.value ? 0.5 : 0;
        const far = across * 4 + down + passed;
        if (across < 8 && (!best || far < best.far)) best = { far, row: item.row };
      }
      return best?.row ?? null;
    }
    top += tall;
  }
  return null;
}

// Pointer, pinch and wheel. The page scrolls as ever: only with a key held, or sideways, the wheel is ours.
function gestures(canvas, props) {
  const { journal, view, axis, hovered, onSelect } = props;
  const length = () => axisOf(journal, axis.value).length;
  const pointers = new Map();
  let moved = 0;
  const along = (event) => (event.clientX - canvas.getBoundingClientRect().left) / canvas.clientWidth;
  const down = (event) => {
    pointers.set(event.pointerId, along(event));
    moved = 0;
  };
  const move = (event) => {
    if (!pointers.has(event.pointerId)) {
      if (event.pointerType === "mouse") hovered.value = hit(props, canvas, event);
      return;
    }
    const before = [...pointers.values()];
    const now = along(event);
    const by = now - pointers.get(event.pointerId);
    pointers.set(event.pointerId, now);
    moved += Math.abs(by) * canvas.clientWidth;
    if (moved > 4 && !canvas.hasPointerCapture(event.pointerId)) canvas.setPointerCapture(event.pointerId);
    const { from, to } = view.value;
    if (pointers.size === 2) {
      const after = [...pointers.values()];
      const factor = Math.abs(before[0] - before[1]) / Math.max(0.01, Math.abs(after[0] - after[1]));
      view.value = zoomed(view.value, factor, (after[0] + after[1]) / 2, length());
    } else if (moved > 4) {
      view.value = windowed(from - by * (to - from), to - by * (to - from), length());
    }
  };
  const up = (event) => {
    if (pointers.delete(event.pointerId) && event.type === "pointerup" && moved <= 4) {
      const row = hit(props, canvas, event);
      if (row !== null) onSelect(row);
    }
  };
  const wheel = (event) => {
    const sideways = Math.abs(event.deltaX) > Math.abs(event.deltaY) || event.shiftKey;
    if (!event.ctrlKey && !event.metaKey && !sideways) return;
    event.preventDefault();
    const { from, to } = view.value;
    if (sideways && !event.ctrlKey) {
      const by = ((event.deltaX || event.deltaY) / canvas.clientWidth) * (to - from);
      view.value = windowed(from + by, to + by, length());
    } else {
      view.value = zoomed(view.value, 1.0025 ** event.deltaY, along(event), length());
    }
  };
  const leave = () => {
    hovered.value = null;
  };
  const double = (event) => {
    view.value = zoomed(view.value, 0.4, along(event), length());
  };
  const heard = { pointerdown: down, pointermove: move, pointerup: up, pointercancel: up, pointerleave: leave, dblclick: double };
  for (const [name, hear] of Object.entries(heard)) canvas.addEventListener(name, hear);
  canvas.addEventListener("wheel", wheel, { passive: false });
  return () => {
    for (const [name, hear] of Object.entries(heard)) canvas.removeEventListener(name, hear);
    canvas.removeEventListener("wheel", wheel);
  };
}

function dragged(map, { journal, view, axis }) {
  const to = (event) => {
    if (event.buttons !== 1) return;
    const { left, width } = map.getBoundingClientRect();
    const centre = (event.clientX - left - PAD) / (width - 2 * PAD);
    const half = (view.value.to - view.value.from) / 2;
    view.value = windowed(centre - half, centre + half, axisOf(journal, axis.value).length);
  };
  const down = (event) => {
    map.setPointerCapture(event.pointerId);
    to(event);
  };
  map.addEventListener("pointerdown", down);
  map.addEventListener("pointermove", to);
  return () => {
    map.removeEventListener("pointerdown", down);
    map.removeEventListener("pointermove", to);
  };
}
