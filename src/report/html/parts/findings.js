// What was violated: whose fault, what was expected, what was seen, and how to keep the rule.

import { html } from "./view.js";
import { Words, Copy } from "./pieces.js";
import { whose, moment } from "./words.js";

export function Findings({ scenario, current, onEntry }) {
  const all = scenario.findings.map((finding, number) => ({ ...finding, number }));
  const roots = all.filter((finding) => finding.symptom_of === null || finding.symptom_of === undefined);
  const graves = roots.filter((finding) => finding.severity !== "information");
  const notes = roots.filter((finding) => finding.severity === "information");
  const of = (root) => all.filter((finding) => finding.symptom_of === root.number);
  return html`
    ${graves.map((finding) => html`<${Finding} key=${finding.number} finding=${finding} symptoms=${of(finding)} current=${current} onEntry=${onEntry} />`)}
    ${notes.length > 0 && html`<details class="notes"><summary>${notes.length === 1 ? "One observation" : `${notes.length} observations`} that change no verdict</summary>
      ${notes.map((finding) => html`<${Finding} key=${finding.number} finding=${finding} symptoms=${[]} current=${current} onEntry=${onEntry} />`)}</details>`}`;
}

function Finding({ finding, symptoms, current, onEntry }) {
  const tone = finding.severity === "information" ? "quiet" : "bad";
  return html`<article class=${`finding ${tone} ${current === finding.number ? "current" : ""}`} id=${`finding-${finding.number}`}>
    <h3><span class="rule">${finding.rule}</span> <${Words} text=${finding.title ?? finding.message} /></h3>
    <p class="lead"><${Words} text=${finding.message} /> <span class="fault">Fault: <b>${whose(finding.subject)}</b>${finding.severity === "forbidden-write" ? ", a forbidden write" : ""}</span></p>
    <dl class="facts">
      <dt>Expected</dt><dd><${Words} text=${finding.expected} /></dd>
      <dt>Observed</dt><dd><${Words} text=${finding.observed} /></dd>
      ${finding.fix && html`<dt>Fix</dt><dd><${Words} text=${finding.fix} /></dd>`}
      ${finding.source && html`<dt>Source</dt><dd class="aside"><${Words} text=${finding.source} /></dd>`}
      ${finding.request_ids.length > 0 && html`<dt>Request ids</dt><dd>${finding.request_ids.map((id) => html`<code>${id}</code> `)}<${Copy} label="Copy" text=${finding.request_ids.join("\n")} /></dd>`}
    </dl>
    <${Evidence} finding=${finding} onEntry=${onEntry} />
    ${symptoms.length > 0 && html`<details class="symptoms"><summary>${symptoms.length === 1 ? "One more follows" : `${symptoms.length} more follow`} from it</summary>
      ${symptoms.map((own) => html`<${Finding} key=${own.number} finding=${own} symptoms=${[]} current=${current} onEntry=${onEntry} />`)}</details>`}
  </article>`;
}

function Evidence({ finding, onEntry }) {
  if (finding.evidence.length === 0) return null;
  const longest = Math.max(...finding.evidence.map(({ at_us: at }) => at ?? 0));
  return html`<ul class="evidence" aria-label="Evidence">
    ${finding.evidence.map((entry) => html`<li><button type="button" onClick=${() => onEntry(entry.id)}>
      <span class="id">#${entry.id}</span><span class="when">${entry.at_us === null ? "" : moment(entry.at_us, longest)}</span><span class="line">${entry.line ?? "an earlier entry"}</span></button></li>`)}
  </ul>`;
}
