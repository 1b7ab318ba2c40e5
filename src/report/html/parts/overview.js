// The first page: the verdict in a sentence, what was proven, and the scenarios to look into.

import { html, useEffect, useComputed } from "./view.js";
import { Runbook, Checks } from "./runbook.js";
import { Advice, Triggers } from "./rollback.js";
import { Figures, Coverage, Scope } from "./numbers.js";
import { History } from "./history.js";
import { VerdictMark, Words, Select, Search } from "./pieces.js";
import { sentence } from "./sentence.js";
import { verdict, whose, count, took, listed, day } from "./words.js";

export function Overview({ store }) {
  const { report } = store;
  const open = (id) => store.go(id, null);
  useEffect(() => {
    const { section } = store.route.value;
    if (section) document.getElementById(section)?.scrollIntoView();
  }, [store.route.value.section]);
  return html`<main id="content">
    <section class="hero" aria-labelledby="verdict">
      <${Advice} rollback=${report.rollback} scenarios=${report.scenarios} onScenario=${open} />
      <p class="said"><${VerdictMark} name=${report.verdict} /></p>
      <h1 id="verdict" tabindex="-1">${sentence(report)}</h1>
      <p class="lead">${answered(report.runbook.items)}</p>
      ${report.reason && html`<p class="lead"><${Words} text=${report.reason} /></p>`}
      <${Changes} report=${report} onScenario=${open} />
      <${Causes} store=${store} />
      <${Mischief} report=${report} />
    </section>
    <${Scope} scope=${report.scope} />
    <${Runbook} runbook=${report.runbook} scenarios=${report.scenarios} onScenario=${open} />
    <${Triggers} rollback=${report.rollback} scenarios=${report.scenarios} onScenario=${open} />
    <${Checks} checks=${report.runbook.checks} />
    <${Scenarios} store=${store} onScenario=${open} />
    <${History} history=${store.history} scenarios=${report.scenarios} onScenario=${open} />
    <${Figures} figures=${report.figures} virtual=${report.virtual_time} />
    <${Coverage} coverage=${report.coverage} />
  </main>`;
}

// What passed may still leave much unproven.
function answered(items) {
  if (items.length === 0) return "";
  const of = (name) => items.filter((item) => item.status === name).length;
  const [violated, open] = [of("violated"), of("inconclusive")];
  const rest = [violated && `${violated} violated`, open && `${open} not proven yet`].filter(Boolean);
  return `Of ${count(items.length, "runbook item")}, ${of("proven") + of("attested")} are proven or attested${rest.length ? `, ${rest.join(" and ")}` : ""}.`;
}

// What changed since the run before, where one is remembered.
function Changes({ report, onScenario }) {
  const { changes } = report;
  if (!changes) return null;
  const known = new Set(report.scenarios.map(({ id }) => id));
  const named = ({ kind, id, since, class: whose }, told) => html`<li key=${kind + id}>
    ${kind === "scenario" && known.has(id)
      ? html`<button type="button" class="link" onClick=${() => onScenario(id)}>${id}</button>`
      : `${kind} ${id}`}<span class="aside">${[whose, told && `since ${day(since)}`].filter(Boolean).map((word) => ` · ${word}`)}</span></li>`;
  const group = (title, all, told) => all.length > 0 && html`<h3>${title}</h3><ul class="changes">${all.map((one) => named(one, told))}</ul>`;
  const { new: fresh, fixed, still, before } = changes;
  return html`<h2 class="small" id="changes">Since the run before</h2>
    <p class="aside">It ${before.verdict === "passed" ? "passed" : `was ${before.verdict}`} on ${day(before.started)}.</p>
    ${group("New", fresh, false)}${group("Fixed", fixed, true)}${group("Still", still, true)}
    ${fresh.length + fixed.length + still.length === 0 && html`<p>Nothing changed, and nothing fails.</p>`}`;
}

function Causes({ store }) {
  const { report, wanted } = store;
  if (report.causes.length === 0) return null;
  const title = (rule) => report.scenarios.flatMap(({ findings }) => findings).find((finding) => finding.rule === rule)?.title;
  const show = (rule) => {
    wanted.rule.value = rule;
    document.getElementById("scenarios").scrollIntoView();
  };
  return html`<h2 class="small">Likely causes</h2><ol class="causes">${report.causes.map((cause) => html`<li key=${cause.rule}>
    <span class="rule">${cause.rule}</span><span><${Words} text=${title(cause.rule) ?? ""} /> <span class="aside">fault: ${whose(cause.subject)} · </span>
    <button type="button" class="link" onClick=${() => show(cause.rule)}>${count(cause.scenarios.length, "scenario")}</button></span></li>`)}</ol>`;
}

// What misbehaved on purpose must be known before anything is believed.
function Mischief({ report }) {
  const names = [...report.quirks, ...report.defects];
  if (names.length === 0) return null;
  return html`<p class="notice">Misbehaving on purpose: ${listed(names, 9)}.</p>`;
}

function Scenarios({ store, onScenario }) {
  const { report, wanted } = store;
  const rulesOf = (scenario) => [...new Set(scenario.findings.filter(({ severity }) => severity !== "information").map(({ rule }) => rule))];
  const shown = useComputed(() => {
    const [name, rule, tag, item] = [wanted.verdict.value, wanted.rule.value, wanted.tag.value, wanted.item.value];
    const text = wanted.text.value.trim().toLowerCase();
    return report.scenarios.filter((one) =>
      (!name || one.verdict === name) && (!tag || (one.tags ?? []).includes(tag)) && (!item || one.runbook.includes(item)) &&
      (!rule || one.findings.some((finding) => finding.rule === rule)) &&
      (!text || [one.id, one.name, one.file, ...one.findings.map(({ message }) => message)].some((words) => words.toLowerCase().includes(text))));
  });
  const all = (values, none) => [["", none], ...[...new Set(values)].sort((a, b) => a.localeCompare(b, "en", { numeric: true })).map((value) => [value, value])];
  const verdicts = all(report.scenarios.map((one) => one.verdict), "every verdict").map(([key, word]) => [key, key ? verdict(key).word : word]);
  const rules = all(report.scenarios.flatMap((one) => one.findings.map(({ rule }) => rule)), "every rule");
  const tags = all(report.scenarios.flatMap((one) => one.tags ?? []), "every tag");
  const items = all(report.scenarios.flatMap((one) => one.runbook), "every item");
  const filtered = Object.values(wanted).some((own) => own.value);
  const clear = () => Object.values(wanted).forEach((own) => (own.value = ""));
  const set = (own) => (value) => (own.value = value);
  const passed = (one) => one.verdict === "passed" || one.verdict === "skipped";
  const sorted = [...shown.value].sort((a, b) => passed(a) - passed(b));
  return html`<section id="scenarios" aria-labelledby="scenarios-title">
    <h2 id="scenarios-title">Scenarios</h2>
    <form class="filters" role="search" aria-label="Scenarios" onSubmit=${(event) => event.preventDefault()}>
      <${Search} label="Search" value=${wanted.text.value} onInput=${set(wanted.text)} />
      <${Select} label="Verdict" value=${wanted.verdict.value} options=${verdicts} onChange=${set(wanted.verdict)} />
      ${rules.length > 1 && html`<${Select} label="Rule" value=${wanted.rule.value} options=${rules} onChange=${set(wanted.rule)} />`}
      ${tags.length > 1 && html`<${Select} label="Tag" value=${wanted.tag.value} options=${tags} onChange=${set(wanted.tag)} />`}
      ${items.length > 1 && html`<${Select} label="Runbook" value=${wanted.item.value} options=${items} onChange=${set(wanted.item)} />`}
      <p class="aside" role="status">${filtered ? html`${shown.value.length} of ${report.scenarios.length} <button type="button" class="link" onClick=${clear}>show all</button>` : count(report.scenarios.length, "scenario")}</p>
    </form>
    <ul class="scenarios">${sorted.map((one) => html`<li key=${one.id}><a href=${`#${encodeURIComponent(one.id)}`} onClick=${(event) => { event.preventDefault(); onScenario(one.id); }}>
      <${VerdictMark} name=${one.verdict} quiet=${true} /><span class="title"><span class="name">${one.name}</span><span class="aside id">${one.id}</span></span>
      <span class="rules">${rulesOf(one).slice(0, 4).map((rule) => html`<span class="rule">${rule}</span>`)}${rulesOf(one).length > 4 ? html`<span class="aside">+${rulesOf(one).length - 4}</span>` : ""}</span>
      <span class="took">${one.verdict === "skipped" ? "" : took(one.duration_virtual_ms)}</span></a></li>`)}</ul>
    ${sorted.length === 0 && html`<p class="none">No scenario matches.</p>`}
  </section>`;
}
