// Small pieces that every page has.

import { html, useSignal } from "./view.js";
import { verdict, status } from "./words.js";

export function VerdictMark({ name, quiet }) {
  const { word, tone, mark } = verdict(name);
  return html`<span class="mark ${tone}"><span aria-hidden="true">${mark}</span> <span class=${quiet ? "unseen" : ""}>${word}</span></span>`;
}

export function StatusMark({ name }) {
  const { word, tone, mark } = status(name);
  return html`<span class="mark ${tone}"><span aria-hidden="true">${mark}</span> ${word}</span>`;
}

// A text that may name things `like this`.
export function Words({ text }) {
  const pieces = String(text ?? "").split("`");
  return html`${pieces.map((piece, at) => (at % 2 === 1 && at < pieces.length - 1 ? html`<code>${piece}</code>` : piece))}`;
}

export function Copy({ label, text }) {
  const done = useSignal(false);
  const copy = async () => {
    await toClipboard(typeof text === "function" ? text() : text);
    done.value = true;
    setTimeout(() => {
      done.value = false;
    }, 1500);
  };
  return html`<button type="button" class="plain" onClick=${copy}>${done.value ? "Copied" : label}</button>`;
}

async function toClipboard(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // A page from `file://` may not be allowed to; a selection still can be copied.
    const area = document.createElement("textarea");
    area.value = text;
    area.setAttribute("aria-hidden", "true");
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
}

export function Select({ label, value, options, onChange }) {
  return html`<label class="field"><span>${label}</span>
    <select value=${value} onChange=${(event) => onChange(event.currentTarget.value)}>
      ${options.map(([key, word]) => html`<option key=${key} value=${key} selected=${key === value}>${word}</option>`)}
    </select></label>`;
}

export function Search({ label, value, onInput, id, placeholder }) {
  return html`<label class="field grow"><span>${label}</span>
    <input type="search" id=${id} placeholder=${placeholder} value=${value} autocomplete="off" spellcheck=${false} onInput=${(event) => onInput(event.currentTarget.value)} /></label>`;
}
