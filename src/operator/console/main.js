// The console: what happens, how things stand, and what can be moved, on one page.

import { effect, html, render, useEffect, useRef, useSignal } from "./view.js";
import { grouped } from "./words.js";
import { lowest } from "./listing.js";
import { begin, makeStore } from "./store.js";
import { Filters } from "./filters.js";
import { List } from "./list.js";
import { Details } from "./details.js";
import { Now } from "./now.js";
import { Levers } from "./levers.js";
import { Push } from "./push.js";
import { World } from "./world.js";
import { download, entries, har, lines } from "./export.js";
import { scenario } from "./steps.js";

const LINES = { wait: "connecting", live: "live", lost: "not reached, trying again", over: "the session has ended" };
const THEME_WORDS = { auto: "◐ auto", light: "○ light", dark: "● dark" };
const TABS = [["now", "Now", Now], ["levers", "Levers", Levers], ["push", "Push", Push], ["world", "World", World]];

// Only a mock has a world.
function tabsOf({ directory }) {
  return TABS.filter(([key]) => key !== "world" || directory.value?.world);
}

function Console({ store }) {
  const { theme, line, lost, trouble, selected, directory } = store;
  const tab = useSignal("now");
  const tabs = tabsOf(store);
  const [at, , Panel] = tabs.find(([key]) => key === tab.value) ?? tabs[0];
  const keys = useRef(null);
  useEffect(() => hear(store, keys), []);
  const name = directory.value?.contract ?? "";
  return html`<a class="skip" href="#search" onClick=${(event) => { event.preventDefault(); document.getElementById("search").focus(); }}>To the search</a>
    <header class="top"><h1>rehearsal <span class="aside">${[store.isProxy.value ? "proxy" : "mock", name].filter(Boolean).join(" · ")}</span></h1>
      <span class=${`line-state s-${line.value}`} role="status">${LINES[line.value]}</span>
      <${Save} store=${store} />
      <button type="button" class="plain" onClick=${() => keys.current.showModal()}>Keys</button>
      <button type="button" class="plain" onClick=${store.turn} aria-label=${`Colours: ${theme.value}`}>${THEME_WORDS[theme.value]}</button></header>
    ${trouble.value && html`<p class="notice" role="alert">${trouble.value} <button type="button" class="plain" onClick=${() => (trouble.value = "")} aria-label="Close the notice">✕</button></p>`}
    ${lost.value > 0 && html`<p class="notice" role="status">${grouped(lost.value)} entries were gone from the tape before this page could read them.</p>`}
    <div class="desk"><main class="happened" aria-label="What happened"><${Filters} store=${store} />
        <div class=${`pair ${selected.value === null ? "" : "open"}`}><${List} store=${store} />${selected.value !== null && html`<${Details} store=${store} row=${selected.value} />`}</div></main>
      <aside class="side" aria-label="How things stand, and what can be moved">
        <div class="tabs" role="tablist" aria-label="Panels" onKeyDown=${(event) => turnTab(event, tab, tabs)}>${tabs.map(([key, word]) => html`<button type="button" role="tab" id=${`tab-${key}`} aria-controls="panel" aria-selected=${at === key ? "true" : "false"} tabindex=${at === key ? 0 : -1} onClick=${() => (tab.value = key)}>${word}</button>`)}</div>
        <div id="panel" role="tabpanel" tabindex="0" aria-labelledby=${`tab-${at}`}><${Panel} store=${store} /></div>
      </aside></div>
    <p class="unseen" role="status" aria-live="polite">${store.said.value}</p>
    <${Keys} dialog=${keys} />`;
}

function turnTab(event, tab, tabs) {
  const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!by) return;
  event.preventDefault();
  const at = tabs.findIndex(([key]) => key === tab.value);
  tab.value = tabs[(at + by + tabs.length) % tabs.length][0];
  document.getElementById(`tab-${tab.value}`).focus();
}

function Save({ store }) {
  const began = () => Date.now() - (store.state.value.elapsed_ms ?? 0);
  const files = {
    journal: ["journal.jsonl", "application/x-ndjson", lines],
    har: ["session.har", "application/json", (all) => har(all, began())],
    scenario: ["session.yaml", "text/yaml", (all) => scenario(all, store.agreed.value)],
  };
  const save = async (event) => {
    const own = files[event.currentTarget.value];
    event.currentTarget.value = "";
    if (!own) return;
    try {
      download(own[0], own[1], own[2](await entries()));
    } catch (error) {
      store.trouble.value = error.message;
    }
  };
  return html`<label class="save"><span class="unseen">Save what happened</span><select onChange=${save}><option value="">Save …</option><option value="journal">as lines of JSON</option><option value="har">as HAR</option><option value="scenario">as a scenario</option></select></label>`;
}

const KEYS = [["/", "search"], ["↑ ↓", "previous and next entry"], ["Home End", "first and last entry"], ["f", "follow what happens"], ["p", "pause"], ["c", "clear"], ["Esc", "close the entry"], ["Ctrl+Z", "undo the last change of the world; with Shift, do it again"], ["?", "these keys"]];

function Keys({ dialog }) {
  return html`<dialog ref=${dialog} class="keys" aria-labelledby="keys-title"><h2 id="keys-title">Keys</h2>
    <dl>${KEYS.map(([key, does]) => html`<div><dt>${key.split(" ").map((one) => html`<kbd>${one}</kbd> `)}</dt><dd>${does}</dd></div>`)}</dl>
    <form method="dialog"><button>Close</button></form></dialog>`;
}

function hear(store, keys) {
  const choose = (by) => {
    const list = store.shown.value;
    if (list.length === 0) return;
    const now = store.selected.value;
    const at = now === null ? (by > 0 ? -1 : list.length) : lowest(list, now) - (by > 0 && list[lowest(list, now)] !== now ? 1 : 0);
    store.open(list[Math.min(list.length - 1, Math.max(0, at + by))]);
  };
  const acts = {
    ArrowDown: () => choose(1), ArrowUp: () => choose(-1), j: () => choose(1), k: () => choose(-1),
    Home: () => choose(-Infinity), End: () => choose(Infinity), PageDown: () => choose(20), PageUp: () => choose(-20),
    f: () => (store.following.value = !store.following.value), p: store.pause, c: store.clear,
    "/": () => document.getElementById("search").focus(), "?": () => keys.current.showModal(),
  };
  const heard = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || keys.current?.open) return;
    const on = event.target;
    if (event.key === "Escape") {
      if (on.id === "search") on.blur();
      else store.open(null);
      return;
    }
    const moves = /^(?:Arrow|Page|Home|End)/.test(event.key);
    if (!acts[event.key] || /^(?:input|select|textarea)$/i.test(on.tagName) || (moves && on !== document.body && !on.closest(".entries"))) return;
    event.preventDefault();
    acts[event.key]();
  };
  document.addEventListener("keydown", heard);
  return () => document.removeEventListener("keydown", heard);
}

const kept = {
  get: (key) => {
    try {
      return THEME_WORDS[localStorage.getItem(key)] ? localStorage.getItem(key) : "auto";
    } catch {
      return "auto";
    }
  },
  set: (key, value) => {
    try {
      localStorage.setItem(key, value);
    } catch {
      // A page that may keep nothing forgets it with the tab.
    }
  },
};

const store = makeStore(kept);
// Before the first frame, so that no other colours are seen.
effect(() => {
  document.documentElement.dataset.theme = store.theme.value;
});
render(html`<${Console} store=${store} />`, document.getElementById("page"));
begin(store);
