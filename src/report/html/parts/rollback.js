// Whether the build is pulled: what fired, what is to be done and what shows it; then every trigger.

import { html } from "./view.js";
import { Words } from "./pieces.js";
import { Grounds, ScenarioLink } from "./runbook.js";
import { count } from "./words.js";

const STATES = {
  fired: { word: "Fired", tone: "bad", mark: "✗" },
  quiet: { word: "Did not fire", tone: "good", mark: "✓" },
  "not-judged": { word: "Not judged", tone: "odd", mark: "?" },
  "not-applicable": { word: "Not applicable", tone: "", mark: "–" },
  "not-scored": { word: "Not scored", tone: "", mark: "–" },
};

// The first words of a report.
export function Advice({ rollback, scenarios, onScenario }) {
  const { build, triggers } = rollback ?? {};
  if (!build) return null;
  if (build !== "pull") {
    const open = triggers.filter(({ state }) => state === "not-judged");
    return html`<p class=${build === "keep" ? "advice" : "advice odd"}>${build === "keep" ? "No reason to pull the build." : html`No reason to pull the build was seen. ${count(open.length, "trigger")} not judged: ${open.map(({ id }) => id).join(", ")}.`}</p>`;
  }
  return html`<div class="pull" role="region" aria-label="Rollback">
    <p class="word">Pull the build</p>
    ${triggers.filter(({ state }) => state === "fired").map((own) => html`<div class="trigger" key=${own.id}>
      <p class="title"><span class="id">${own.id}</span> <${Words} text=${own.title} /></p>
      <ol>${own.actions.map((action) => html`<li><${Words} text=${action} /></li>`)}</ol>
      <ul class="aside">${own.evidence.slice(0, 3).map((shown) => html`<li><span class="rule">${shown.rule}</span> <${Words} text=${shown.message} /> <${ScenarioLink} id=${shown.scenario} scenarios=${scenarios} onScenario=${onScenario} />
        ${shown.request_ids.length > 0 && html`<code> ${shown.request_ids.slice(0, 6).join(" ")}</code>`}</li>`)}
        ${own.evidence.length === 0 && own.reasons.map((why) => html`<li><${Words} text=${why} /></li>`)}</ul>
    </div>`)}
  </div>`;
}

// Every trigger, and what it is known by.
export function Triggers({ rollback, scenarios, onScenario }) {
  if (!rollback?.triggers.length) return null;
  return html`<section id="rollback" aria-labelledby="rollback-title"><h2 id="rollback-title">Rollback triggers</h2>
    ${rollback.triggers.map((own) => html`<details class="item" key=${own.id}>
      <summary><span class="id">${own.id}</span><span class="title"><${Words} text=${own.title} />${own.reasons.length > 0 && html`<span class="aside reason"><${Words} text=${own.reasons.slice(0, 2).join("; ")} />${own.reasons.length > 2 ? ` (and ${own.reasons.length - 2} more)` : ""}</span>`}</span>
        <span class=${`mark ${STATES[own.state].tone}`}><span aria-hidden="true">${STATES[own.state].mark}</span> ${STATES[own.state].word}</span></summary>
      <p class="aside">When it fires: ${own.actions.join("; ")}.</p>
      <${Grounds} by=${own.by} scenarios=${scenarios} onScenario=${onScenario} />
    </details>`)}
  </section>`;
}
