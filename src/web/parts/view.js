// What all parts are built from: preact, htm and signals, as they are vendored.

const { h, render, Fragment, options } = vendored["preact"];
const { useEffect, useLayoutEffect, useMemo, useRef, useState } = vendored["preact/hooks"];
const { signal, computed, effect, batch, useSignal, useComputed } = vendored["@preact/signals"];
const html = vendored["htm"].bind(h);

// Effects belong to the task that called for them: a key that is pressed before the next frame is heard.
options.requestAnimationFrame = queueMicrotask;

export { h, render, Fragment, html, useEffect, useLayoutEffect, useMemo, useRef, useState };
export { signal, computed, effect, batch, useSignal, useComputed };
