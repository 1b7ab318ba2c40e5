// The bar above the list: search, what it is narrowed to, pause, follow and clear.

import { html } from "./view.js";
import { Search, Select } from "./pieces.js";
import { grouped } from "./words.js";
import { LANES } from "./tell.js";
import { NOTHING } from "./store.js";

const STATUS_CLASSES = [["", "Status"], ["2", "2xx"], ["3", "3xx"], ["4", "4xx"], ["5", "5xx"]];

export function Filters({ store }) {
  const { filter, known, paused, following, count, shown, waiting } = store;
  const own = filter.value;
  const options = (key, word) => [["", word], ...known.value[key].map((name) => [name, name])];
  const select = (label, key, all) => all.length > 2 && html`<${Select} label=${label} value=${own[key]} options=${all} onChange=${(value) => store.narrow({ [key]: value })} />`;
  const toggle = (lane) => {
    const lanes = new Set(own.lanes);
    if (!lanes.delete(lane)) lanes.add(lane);
    store.narrow({ lanes });
  };
  const narrowed = Object.keys(NOTHING).some((key) => (key === "lanes" ? own.lanes.size : own[key] !== NOTHING[key]));
  return html`<form class="filters" role="search" aria-label="What is shown" onSubmit=${(event) => event.preventDefault()}>
      <${Search} label="Search" placeholder="Search  /" id="search" value=${own.text} onInput=${(text) => store.narrow({ text })} />
      ${select("Service", "service", options("service", "Service"))}${select("Role", "role", options("role", "Role"))}${select("Status", "status", STATUS_CLASSES)}${select("Event", "event", options("event", "Event"))}${select("Class", "klass", options("klass", "Class"))}
      <div class="tools" role="group" aria-label="The list">
        <button type="button" aria-pressed=${paused.value ? "true" : "false"} onClick=${store.pause}>${paused.value && waiting.value ? `Paused, ${grouped(waiting.value)} new` : "Pause"}</button>
        <button type="button" aria-pressed=${following.value ? "true" : "false"} onClick=${() => (following.value = !following.value)}>Follow</button>
        <button type="button" onClick=${store.clear}>Clear</button>
      </div>
      <div class="chips" role="group" aria-label="Kinds of entries">${LANES.map(([key, word]) => html`<button type="button" class="chip" aria-pressed=${own.lanes.has(key) ? "true" : "false"} onClick=${() => toggle(key)}><span class=${`dot l-${key}`}></span>${word}</button>`)}
        <button type="button" class="chip" aria-pressed=${own.bad ? "true" : "false"} onClick=${() => store.narrow({ bad: !own.bad })}>Problems</button>
        ${narrowed && html`<button type="button" class="plain" onClick=${store.widen}>show all</button>`}
        <span class="aside total" role="status">${shown.value.length === count.value ? `${grouped(count.value)} ${count.value === 1 ? "entry" : "entries"}` : `${grouped(shown.value.length)} of ${grouped(count.value)}`}</span></div>
    </form>`;
}
