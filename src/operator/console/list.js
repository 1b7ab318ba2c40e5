// The list of what happened: a line each, the newest at the end.

import { html } from "./view.js";
import { Listing } from "./listing.js";
import { moment, took } from "./words.js";

export function List({ store }) {
  const { rows, shown, selected, following, paused } = store;
  const longest = rows.held.at(-1)?.at ?? 0;
  return html`<${Listing} label="What happened" rows=${shown.value} selected=${selected.value} empty=${store.count.value ? "Nothing matches." : "Nothing has happened yet."}
    follow=${following.value && !paused.value} onLeave=${() => (following.value = false)} onSelect=${store.open}
    tone=${(row) => `t${rows.get(row)?.tone ?? 0}`} shown=${(row) => html`<${Line} own=${rows.get(row)} longest=${longest} />`} />`;
}

function Line({ own, longest }) {
  if (!own) return null;
  return html`<span class="when">${moment(own.at, longest)}</span><span class=${`dot l-${own.lane}`}></span><span class="status">${own.status || ""}</span>
    <span class="line">${own.label}</span><span class="more">${own.aside}</span><span class="of">${[own.service, own.role].filter(Boolean).join(" · ")}</span><span class="took">${own.took === null ? "" : took(own.took)}</span>`;
}
