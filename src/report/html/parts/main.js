// The page of a report: its data in, and everything on the screen.

import { effect, html, render } from "./view.js";
import { findBlocks, openJson } from "./unpack.js";
import { makeStore } from "./store.js";
import { Overview } from "./overview.js";
import { ScenarioPage } from "./scenario.js";
import { verdict } from "./words.js";

const SECTIONS = [["runbook", "Runbook"], ["scenarios", "Scenarios"], ["history", "History"], ["figures", "Figures"], ["coverage", "Coverage"]];

function Report({ store }) {
  const { report, route, theme, scenario } = store;
  const lost = route.value.scenario !== null && scenario.value === null;
  return html`
    <a class="skip" href="#content" onClick=${(event) => { event.preventDefault(); document.querySelector("h1").focus(); }}>To the content</a>
    <header class="top"><a class="name" href="#" onClick=${(event) => { event.preventDefault(); store.go(null); }}>rehearsal</a>
      <span class="aside">${[`target ${report.target}`, `seed ${report.seed}`, report.virtual_time ? "virtual time" : "real time", report.rehearsal].join(" · ")}</span>
      <nav aria-label="Report">${SECTIONS.map(([id, word]) => html`<a href=${`#/${id}`}>${word}</a>`)}</nav>
      <button type="button" class="plain" onClick=${store.turn} aria-label=${`Colours: ${theme.value}`}>${{ auto: "◐ auto", light: "○ light", dark: "● dark" }[theme.value]}</button></header>
    ${lost && html`<p class="notice" role="alert">There is no scenario ${route.value.scenario} in this report.</p>`}
    ${scenario.value ? html`<${ScenarioPage} key=${scenario.value.id} store=${store} scenario=${scenario.value} />` : html`<${Overview} store=${store} />`}
    <p class="unseen" role="status" aria-live="polite">${store.said.value}</p>`;
}

const place = {
  read: () => location.hash,
  write: (hash, instead) => history[instead ? "replaceState" : "pushState"](null, "", hash),
  kept: (key) => {
    try {
      return localStorage.getItem(key) ?? "auto";
    } catch {
      return "auto";
    }
  },
  keep: (key, value) => {
    try {
      localStorage.setItem(key, value);
    } catch {
      // A page that may keep nothing forgets it with the tab.
    }
  },
};

async function begin() {
  const root = document.getElementById("page");
  const blocks = findBlocks(document);
  const opened = [blocks.report, blocks.history, blocks.omitted].map((block) => block && openJson(block));
  const [report, history, omitted] = await Promise.all(opened);
  const store = makeStore({ report, history, omitted, journals: blocks.journals, place });
  addEventListener("popstate", store.follow);
  addEventListener("hashchange", store.follow);
  // On paper nothing can be opened.
  let unfolded = [];
  addEventListener("beforeprint", () => {
    unfolded = [...document.querySelectorAll(".group:not([open]), .symptoms:not([open]), .notes:not([open])")];
    for (const own of unfolded) own.open = true;
  });
  addEventListener("afterprint", () => {
    for (const own of unfolded) own.open = false;
  });
  // What is outside the page's element changes with the state itself, not with a later frame.
  effect(() => {
    document.documentElement.dataset.theme = store.theme.value;
  });
  effect(() => {
    document.title = `${store.scenario.value?.name ?? verdict(report.verdict).word} – rehearsal`;
  });
  root.textContent = "";
  render(html`<${Report} store=${store} />`, root);
}

begin().catch((error) => {
  document.getElementById("page").textContent = `This report cannot be opened: ${error.message}`;
});
