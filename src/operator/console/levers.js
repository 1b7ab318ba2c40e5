// Levers and faults as switches with their state. What has nothing to move says why.

import { html, useSignal } from "./view.js";
import { Select } from "./pieces.js";
import { roleName } from "./tell.js";

// A lever of the directory: what it lacks, and nothing where there is no such lever at all.
function leverOf(store, path) {
  const levers = store.directory.value?.levers ?? [];
  const own = levers.find((lever) => lever.path === path);
  if (own) return { there: true, why: own.unavailable ?? null };
  return { there: false, why: null };
}

export function Levers({ store }) {
  const { directory, state, agreed } = store;
  if (!directory.value) return html`<p class="aside">Nobody has answered yet.</p>`;
  const now = state.value;
  const services = agreed.value?.services ?? [];
  return html`<section aria-labelledby="levers-title"><h2 id="levers-title">Levers</h2>
    <${Switch} store=${store} path="/maintenance" word="Maintenance" on=${now.maintenance ?? false} hint=${now.maintenance === null ? "not known until it is moved here" : ""} body=${(on) => ({ on })} />
    ${services.map((service) => html`<${Switch} key=${service} store=${store} path="/backend" word=${`Stop ${service}`} on=${now.stopped?.includes(service) ?? false} body=${(on) => ({ service, running: !on })} />`)}
    <div class="row"><${Once} store=${store} path="/expire-tokens" word="Expire tokens" /><${Once} store=${store} path="/drop-sockets" word="Drop sockets" /><${Once} store=${store} path="/send-away" word="Send sockets away" />
      ${directory.value.levers.filter(({ path }) => path.startsWith("/change/")).map(({ path }) => html`<${Once} key=${path} store=${store} path=${path} word=${path.slice(8)} />`)}</div>
    <h2>Network</h2>
    <${Switch} store=${store} path="/network" word="Airplane mode" on=${now.network === false} body=${(on) => ({ on: !on })} />
    <${Switch} store=${store} path="/websocket" word="Block upgrade" on=${now.websocket === false} body=${(on) => ({ on: !on })} />
    <${Switch} store=${store} path="/socket" word="Block socket" on=${now.socket === false} body=${(on) => ({ on: !on })} />
    <${Faults} store=${store} /><${Malform} store=${store} /><${Worlds} store=${store} />
    ${leverOf(store, "/end").there && html`<h2>Session</h2><div class="row"><${Once} store=${store} path="/end" word="End it, with the verdict" /></div>`}
  </section>`;
}

function Switch({ store, path, word, on, body, hint }) {
  const { there, why } = leverOf(store, path);
  if (!there) return null;
  const name = `lever-${path.slice(1)}-${word.replace(/\W+/g, "-")}`;
  return html`<div class="lever"><span id=${name}>${word}${hint && html` <span class="aside">${hint}</span>`}${why && html`<span class="why">${why}</span>`}</span>
    <button type="button" role="switch" class="switch" aria-checked=${on ? "true" : "false"} aria-labelledby=${name} disabled=${why !== null} onClick=${() => store.tell(path, body(!on), `${word} ${on ? "off" : "on"}`)}><i></i></button></div>`;
}

function Once({ store, path, word }) {
  const { there, why } = leverOf(store, path);
  if (!there) return null;
  return html`<button type="button" disabled=${why !== null} title=${why ?? undefined} onClick=${() => store.tell(path, {}, word)}>${word}</button>${why && html`<span class="why">${word}: ${why}</span>`}`;
}

const KINDS = [["delay", "slow"], ["respond", "status"], ["portal", "captive portal"], ["refuse", "refused"], ["black-hole", "never answered"], ["reset", "reset"]];
const PORTAL = { status: 200, headers: { "content-type": "text/html" }, body: "<html>Welcome aboard</html>" };

function faultOf(kind, value) {
  if (kind === "delay") return { delay: /^\d+$/.test(value) ? `${value}ms` : value };
  if (kind === "respond") return { respond: { status: Number(value) } };
  return kind === "portal" ? { respond: PORTAL } : { [kind]: true };
}

function Faults({ store }) {
  const { why } = leverOf(store, "/fault");
  const kind = useSignal("delay");
  const on = useSignal("any");
  const value = useSignal("2s");
  const roles = [...new Set((store.agreed.value?.operations ?? []).map(({ role }) => roleName(role)))].sort();
  const places = ["any", "data", "writes", ...roles].map((name) => [name, name]);
  const choose = (chosen) => {
    kind.value = chosen;
    value.value = chosen === "respond" ? "503" : "2s";
  };
  const faults = store.state.value.faults ?? [];
  const begin = (event) => {
    event.preventDefault();
    store.tell("/fault", { on: on.value, ...faultOf(kind.value, value.value) }, `a fault on ${on.value}`);
  };
  return html`<h2>Faults</h2>
    ${faults.map((name) => html`<div class="lever" key=${name}><span>on ${name}</span><button type="button" aria-label=${`End the fault on ${name}`} onClick=${() => store.tell("/fault", { on: name, off: true }, `no fault on ${name}`)}>End</button></div>`)}
    <form class="row" onSubmit=${begin}>
      <${Select} label="Requests" value=${on.value} options=${places} onChange=${(name) => (on.value = name)} />
      <${Select} label="Fault" value=${kind.value} options=${KINDS} onChange=${choose} />
      ${["delay", "respond"].includes(kind.value) && html`<label class="field short"><span>${kind.value === "delay" ? "By" : "Status"}</span><input value=${value.value} onInput=${(event) => (value.value = event.currentTarget.value)} /></label>`}
      <button type="submit" disabled=${why !== null}>Begin</button></form>
    ${why && html`<p class="why">${why}</p>`}`;
}

function Malform({ store }) {
  const { there, why } = leverOf(store, "/malform");
  const own = store.schemas.value["/malform"]?.post.requestBody.content["application/json"].schema.properties.as.enum ?? [];
  const names = (store.agreed.value?.operations ?? []).filter(({ role }) => role?.resource).map(({ role }) => role.resource);
  const resource = useSignal("");
  const as = useSignal("");
  if (!there || why || names.length === 0) return null;
  const bad = Object.entries(store.state.value.malformed ?? {});
  const begin = (event) => {
    event.preventDefault();
    store.tell("/malform", { resource: resource.value || names[0], as: as.value || own[0] }, "bad data");
  };
  return html`<h2>Bad data</h2>
    ${bad.map(([name, kind]) => html`<div class="lever" key=${name}><span>${name} <span class="aside">${kind}</span></span><button type="button" aria-label=${`End bad data for ${name}`} onClick=${() => store.tell("/malform", { resource: name, as: "good" }, `${name} is good again`)}>End</button></div>`)}
    <form class="row" onSubmit=${begin}><${Select} label="Resource" value=${resource.value || names[0]} options=${names.map((name) => [name, name])} onChange=${(name) => (resource.value = name)} />
      <${Select} label="As" value=${as.value || own[0]} options=${own.filter((kind) => kind !== "good").map((kind) => [kind, kind])} onChange=${(kind) => (as.value = kind)} /><button type="submit">Begin</button></form>`;
}

function Worlds({ store }) {
  const name = useSignal("before");
  if (!leverOf(store, "/keep").there) return null;
  const kept = store.state.value.kept ?? [];
  const keep = (event) => {
    event.preventDefault();
    store.tell("/keep", { name: name.value }, `the world is kept as ${name.value}`);
  };
  return html`<h2>World</h2>
    ${kept.map((own) => html`<div class="lever" key=${own}><span>${own}</span><button type="button" aria-label=${`Go back to ${own}`} onClick=${() => store.tell("/restore", { name: own }, `the world is as ${own} again`)}>Go back</button></div>`)}
    <form class="row" onSubmit=${keep}><label class="field grow"><span>Keep the world as</span><input value=${name.value} onInput=${(event) => (name.value = event.currentTarget.value)} /></label><button type="submit">Keep</button></form>`;
}
