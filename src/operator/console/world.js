// The data of the mock: rows of an account's resources are looked at, changed, added and removed, and each step can be undone.

import { html, useEffect, useRef, useSignal } from "./view.js";
import { Select } from "./pieces.js";
import { Listing } from "./listing.js";
import { count } from "./words.js";
import { sample } from "./sample.js";
import { ask } from "./stream.js";
import { keyOf, likeness, makeWorld } from "./rows.js";

const world = makeWorld();
const EVERYBODY = "everybody";
const MOST_COLUMNS = 4;
const TYPED = 250;

export function World({ store }) {
  const { what, user, resource, picked, why } = world;
  const now = store.state.value;
  useEffect(() => {
    world.learn();
  }, [store.directory.value, JSON.stringify(now.users)]);
  useEffect(() => {
    world.again();
  }, [now]);
  const step = (path, word) => store.tell(path, {}, (done) => `${word}: ${done.undone ?? done.redone}`).then(() => world.again());
  const edits = now.edits ?? {};
  useEffect(() => {
    const heard = (event) => {
      if (!(event.ctrlKey || event.metaKey) || event.altKey || event.key.toLowerCase() !== "z" || /^(?:input|textarea)$/i.test(event.target.tagName)) return;
      event.preventDefault();
      if (event.shiftKey) step("/world/redo", "Done again");
      else step("/world/undo", "Undone");
    };
    document.addEventListener("keydown", heard);
    return () => document.removeEventListener("keydown", heard);
  }, []);
  if (why.value && !what.value) return html`<p class="why">${why.value}</p>`;
  if (!what.value) return html`<p class="aside">It has not been read yet.</p>`;
  const { users, resources } = what.value;
  const accounts = [...users, ...(resources.some(({ everybody }) => everybody) ? [""] : [])];
  const ofAccount = (account) => resources.filter((own) => (account ? own.users.includes(account) : own.everybody));
  const turn = (account) => {
    const there = ofAccount(account);
    world.choose(account, (there.find(({ name }) => name === resource.value) ?? there.find(({ list }) => list) ?? there[0])?.name ?? "");
  };
  const own = world.own();
  return html`<section class="world" aria-labelledby="world-title"><h2 id="world-title">World</h2>
    <div class="row"><${Select} label="Account" value=${user.value} options=${accounts.map((name) => [name, name || EVERYBODY])} onChange=${turn} />
      <${Select} label="Resource" value=${resource.value} options=${ofAccount(user.value).map(({ name }) => [name, name])} onChange=${(name) => world.choose(user.value, name)} /></div>
    <div class="row steps"><button type="button" disabled=${!edits.undo} title=${edits.undo ?? undefined} onClick=${() => step("/world/undo", "Undone")}>Undo</button>
      <button type="button" disabled=${!edits.redo} title=${edits.redo ?? undefined} onClick=${() => step("/world/redo", "Done again")}>Redo</button>
      <span class="aside">${edits.undo ? `last: ${edits.undo}` : edits.cleared ? `nothing to undo: ${edits.cleared}` : "nothing to undo"}</span></div>
    ${why.value && html`<p class="why" role="alert">${why.value}</p>`}
    ${own?.list && html`<${Table} own=${own} />`}
    ${own && (!own.list || picked.value) && html`<${Editor} key=${`${user.value} ${own.name} ${JSON.stringify(picked.value)}`} store=${store} own=${own} />`}
  </section>`;
}

function Table({ own }) {
  const total = world.total.value;
  const columns = columnsOf(own, world.row(0));
  const place = world.place(world.picked.value);
  const pick = (at) => {
    const row = world.row(at);
    if (row !== undefined) world.picked.value = { key: keyOf(own, row), at };
  };
  const by = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -Infinity, End: Infinity };
  const moved = (event) => {
    if (!by[event.key] || total === 0) return;
    event.preventDefault();
    // The list of what happened is not meant.
    event.stopPropagation();
    pick(Math.min(total - 1, Math.max(0, (place ?? (by[event.key] > 0 ? -1 : total)) + by[event.key])));
  };
  const add = () => {
    const first = world.row(0);
    world.picked.value = { fresh: true, value: first === undefined ? sample(rowSchema(own)) : likeness(own, first, total) };
  };
  return html`<div class="rows" onKeyDown=${moved}>
    <div class="heads" aria-hidden="true">${columns.map((name) => html`<span class=${isNumber(world.row(0)?.[name])}>${name}</span>`)}</div>
    <${Listing} name="row" label=${`Rows of ${own.name}`} rows=${numbers(total)} selected=${place} empty="There are no rows." tone=${() => ""} onSelect=${pick}
      shown=${(at) => html`<${Cells} row=${world.row(at)} columns=${columns} />`} /></div>
    <div class="row"><span class="aside">${count(total, "row")}</span><button type="button" onClick=${add}>New row</button></div>`;
}

function Cells({ row, columns }) {
  if (row === undefined) return html`<span class="aside">…</span>`;
  if (columns.length === 0) return html`<span>${cell(row)}</span>`;
  return columns.map((name) => html`<span class=${isNumber(row?.[name])}>${cell(row?.[name])}</span>`);
}

function isNumber(value) {
  return typeof value === "number" ? "number" : "";
}

function cell(value) {
  if (value === undefined) return "";
  return (typeof value === "string" ? value : JSON.stringify(value)).slice(0, 120);
}

// The key first, then what is no list and no object.
function columnsOf(own, row) {
  if (row === null || typeof row !== "object" || Array.isArray(row)) return [];
  const names = Object.keys(row).filter((name) => row[name] === null || typeof row[name] !== "object");
  const key = own.key?.match(/^\/([^/]+)$/)?.[1];
  return [...new Set([...(names.includes(key) ? [key] : []), ...names])].slice(0, MOST_COLUMNS);
}

let counted = [];

// The same list for the same number, so that nothing is drawn anew.
function numbers(total) {
  if (counted.length !== total) counted = Array.from({ length: total }, (_, at) => at);
  return counted;
}

function rowSchema(own) {
  const path = (own.items ?? "").replace(/^\$\.?/, "").split(/[/.]/).filter(Boolean);
  return path.reduce((at, name) => at?.properties?.[name], own.schema ?? {})?.items ?? {};
}

function Editor({ store, own }) {
  const picked = world.picked.value;
  const at = own.list && !picked.fresh ? world.place(picked) : null;
  const is = !own.list ? world.whole.value : picked.fresh ? picked.value : at === null ? undefined : world.row(at);
  const typed = useSignal(null);
  // A row that is gone is still shown as it was.
  const last = useRef(undefined);
  const problems = useSignal([]);
  if (is !== undefined) last.current = is;
  const text = typed.value ?? JSON.stringify(last.current, null, 2) ?? "";
  const { value, wrong } = parsed(text);
  const which = own.list && !picked.fresh ? (picked.key === undefined ? { at: picked.at } : { row: picked.key }) : {};
  const path = picked?.fresh ? "/world/add" : "/world/put";
  const body = { resource: own.name, ...(world.user.value && { user: world.user.value }), ...which };
  // What is wrong is said as one types, by whoever will take it.
  useEffect(() => {
    if (wrong || typed.value === null) return undefined;
    let left = false;
    const later = setTimeout(() => {
      ask(path, { ...body, value, check: true }).then((said) => !left && (problems.value = said.problems), (error) => !left && (problems.value = [{ at: "", problem: error.message }]));
    }, TYPED);
    return () => {
      left = true;
      clearTimeout(later);
    };
  }, [text]);
  const done = async (address, asked, word) => {
    const answer = await store.tell(address, asked, (said) => `${word} ${said.edits?.undo ?? own.name}`);
    if (!answer) return;
    typed.value = null;
    problems.value = [];
    await world.again();
    if (own.list) world.picked.value = answer.value === null ? null : { key: answer.row ?? undefined, at: answer.at };
  };
  const broken = problems.value.length > 0;
  const save = (event) => {
    event.preventDefault();
    if (!wrong) done(path, { ...body, value, ...(broken && { force: true }) }, "Saved:");
  };
  const title = picked?.fresh ? "A new row" : own.list ? `Row ${cell(picked.key ?? picked.at)}` : `All of ${own.name}`;
  return html`<form class="push" onSubmit=${save}>
    <label class="field"><span>${title}</span><textarea rows="10" spellcheck=${false} value=${text} aria-invalid=${wrong || broken ? "true" : "false"} aria-describedby="world-wrong" onInput=${(event) => (typed.value = event.currentTarget.value)}></textarea></label>
    <div id="world-wrong" role="status" aria-label="What is wrong with it">${wrong ? html`<p class="why">${wrong}</p>` : broken ? html`<p class="mark bad"><span aria-hidden="true">✗</span> It does not keep the contract’s schema:</p><ul class="unkept">${problems.value.map(({ at: place, problem }) => html`<li><code>${place || "the whole"}</code> ${problem}</li>`)}</ul>` : ""}</div>
    ${own.list && !picked.fresh && at === null && html`<p class="aside">The row has moved away or is gone.</p>`}
    <div class="row"><button type="submit" disabled=${Boolean(wrong)}>${broken ? "Save although it is wrong" : picked?.fresh ? "Add" : "Save"}</button>
      ${own.list && !picked.fresh && html`<button type="button" onClick=${() => done("/world/remove", body, "Removed:")}>Remove</button>`}
      ${typed.value !== null && html`<button type="button" class="plain" onClick=${() => { typed.value = null; problems.value = []; }}>As it is</button>`}
      ${own.list && html`<button type="button" class="plain" onClick=${() => (world.picked.value = null)}>Close</button>`}</div>
  </form>`;
}

function parsed(text) {
  try {
    return { value: JSON.parse(text), wrong: null };
  } catch (error) {
    return { value: undefined, wrong: error.message };
  }
}
