// The runbook as a run answers it: by group, with status, reason and what proves each item.

import { html } from "./view.js";
import { StatusMark, Words } from "./pieces.js";
import { status, count } from "./words.js";

const ORDER = ["violated", "inconclusive", "not-scored", "not-applicable", "attested", "proven"];

export function Runbook({ runbook, scenarios, onScenario }) {
  const groups = runbook.groups.map((group) => ({ ...group, items: runbook.items.filter((item) => item.group === group.id) }));
  return html`<section id="runbook" aria-labelledby="runbook-title">
    <h2 id="runbook-title">Runbook</h2>
    <p class="aside">${runbook.name} ${runbook.version}${runbook.published ? "" : ", a draft"} · ${tallied(runbook.items)}</p>
    ${groups.filter(({ items }) => items.length > 0).map((group) => html`<details class="group" key=${group.id} open=${group.items.some((item) => item.status === "violated")}>
      <summary><h3><span class="id">${group.id}</span> ${group.title}</h3><span class="aside">${tallied(group.items)}</span><${Bar} items=${group.items} /></summary>
      ${group.items.map((item) => html`<${Item} key=${item.id} item=${item} scenarios=${scenarios} onScenario=${onScenario} />`)}
    </details>`)}
  </section>`;
}

function tallied(items) {
  return ORDER.map((name) => [name, items.filter((item) => item.status === name).length])
    .filter(([, many]) => many > 0)
    .map(([name, many]) => `${many} ${status(name).word.toLowerCase()}`)
    .join(", ");
}

function Bar({ items }) {
  const sorted = [...items].sort((a, b) => ORDER.indexOf(b.status) - ORDER.indexOf(a.status));
  return html`<span class="bar" aria-hidden="true">${sorted.map((item) => html`<i class=${status(item.status).tone}></i>`)}</span>`;
}

function Item({ item, scenarios, onScenario }) {
  const attested = item.attested;
  return html`<details class="item">
    <summary><span class="id">${item.id}</span><span class="title"><${Words} text=${item.title} />${item.reason && html`<span class="aside reason"><${Words} text=${item.reason} /></span>`}</span><${StatusMark} name=${item.status} /></summary>
    ${attested && html`<p>Attested by ${attested.by} on ${attested.on}${attested.until ? `, until ${attested.until}` : ""}${attested.expired ? " (expired)" : ""}: ${attested.note}</p>`}
    ${item.by.length === 0 && !attested && html`<p class="aside">Only a person’s word can prove it.</p>`}
    <${Grounds} by=${item.by} scenarios=${scenarios} onScenario=${onScenario} />
  </details>`;
}

// What proves an item or fires a trigger, and what it came to.
export function Grounds({ by, scenarios, onScenario }) {
  return html`<ul class="grounds">${by.map((ground) => html`<li><span class=${`came ${ground.came}`}>${ground.came}</span> ${ground.kind} <code>${ground.name}</code>
      ${ground.scenarios.length > 0 && html`<span class="aside"> in ${ground.scenarios.length > 4 ? count(ground.scenarios.length, "scenario") : ground.scenarios.map((id, at) => html`${at > 0 ? ", " : ""}<${ScenarioLink} id=${id} scenarios=${scenarios} onScenario=${onScenario} />`)}</span>`}
      ${ground.why && html`<span class="aside"> — <${Words} text=${ground.why} /></span>`}</li>`)}</ul>`;
}

export function ScenarioLink({ id, scenarios, onScenario }) {
  if (!scenarios.some((scenario) => scenario.id === id)) return id;
  const go = (event) => {
    event.preventDefault();
    onScenario(id);
  };
  return html`<a href=${`#${encodeURIComponent(id)}`} onClick=${go}>${id}</a>`;
}

// What came of the checks of the team's own project.
export function Checks({ checks }) {
  if (!checks?.length) return null;
  return html`<section aria-labelledby="checks-title"><h2 id="checks-title">Checks</h2>
    ${checks.map((check) => html`<details class="item"><summary><span class="title">${check.name}<span class="aside reason">${check.ended}</span></span>
      <span class=${`mark ${check.exit_code === 0 ? "good" : "bad"}`}>${check.exit_code === 0 ? "✓ Passed" : "✗ Failed"}</span></summary>
      <pre tabindex="0">${[`$ ${check.command}`, ...check.output].join("\n")}</pre></details>`)}
  </section>`;
}
