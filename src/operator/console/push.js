// An event is pushed: with a payload that begins as the event's schema says, and acknowledgements where they are asked for.

import { html, useEffect, useSignal } from "./view.js";
import { Select } from "./pieces.js";
import { Json } from "./wire.js";
import { sample } from "./sample.js";

export function Push({ store }) {
  const events = store.agreed.value?.events ?? [];
  const lever = store.directory.value?.levers?.find(({ path }) => path === "/push");
  const asks = store.directory.value?.levers?.some(({ path }) => path === "/ask");
  const name = useSignal("");
  const text = useSignal("");
  const came = useSignal(null);
  const own = events.find((event) => event.name === name.value) ?? events[0];
  useEffect(() => {
    if (own) text.value = JSON.stringify(sample(own.schema ?? {}), null, 2);
    came.value = null;
  }, [own?.name]);
  if (!lever || lever.unavailable || !own) return html`<section><h2>Push</h2><p class="why">${lever?.unavailable ?? "nothing can be pushed here"}</p></section>`;
  const { payload, why } = payloadOf(text.value);
  const send = async (event, path, body) => {
    event.preventDefault();
    came.value = await store.tell(path, body, `${own.name} was pushed`);
  };
  return html`<section aria-labelledby="push-title"><h2 id="push-title">Push</h2>
    <form class="push" onSubmit=${(event) => !why && send(event, "/push", { event: own.name, payload })}>
      <${Select} label="Event" value=${own.name} options=${events.map((event) => [event.name, event.name])} onChange=${(chosen) => (name.value = chosen)} />
      <label class="field"><span>Payload${own.updates ? `, of ${own.updates}` : ""}</span><textarea rows="8" spellcheck=${false} value=${text.value} aria-invalid=${why ? "true" : "false"} aria-describedby="push-why" onInput=${(event) => (text.value = event.currentTarget.value)}></textarea></label>
      <p id="push-why" class="why" role="status">${why ?? ""}</p>
      <div class="row"><button type="submit" disabled=${Boolean(why)}>Push</button>
        <button type="button" onClick=${(event) => send(event, "/push", { event: own.name })}>Push what is made up</button>
        ${asks && html`<button type="button" disabled=${Boolean(why)} onClick=${(event) => !why && send(event, "/ask", { event: own.name, args: [payload] })}>Ask for acks</button>`}</div>
      ${own.schema && html`<details><summary>What the contract says of it</summary><${Json} label="Schema" value=${own.schema} /></details>`}
    </form>
    ${came.value && html`<div role="status" aria-label="What came of it"><${Json} title="What came of it" value=${came.value} /></div>`}
  </section>`;
}

function payloadOf(text) {
  try {
    return { payload: JSON.parse(text), why: null };
  } catch (error) {
    return { payload: null, why: error.message };
  }
}
