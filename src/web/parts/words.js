// Numbers and names in words for people.

const THIN = "\u202f";

// A duration in milliseconds, as long as it must be and no longer.
export function took(ms) {
  if (ms === null || ms === undefined) return "–";
  if (ms < 1) return ms === 0 ? `0${THIN}ms` : `<1${THIN}ms`;
  if (ms < 999.5) return `${Math.round(ms)}${THIN}ms`;
  if (ms < 59_950) return `${trimmed(ms / 1000, ms < 9_995 ? 2 : 1)}${THIN}s`;
  const s = Math.round(ms / 1000);
  if (s < 3600) return joined(Math.floor(s / 60), "m", s % 60, "s");
  const m = Math.round(s / 60);
  if (m < 48 * 60) return joined(Math.floor(m / 60), "h", m % 60, "m");
  const hours = Math.round(m / 60);
  return joined(Math.floor(hours / 24), "d", hours % 24, "h");
}

function joined(large, unit, small, below) {
  return small ? `${large}${THIN}${unit} ${small}${THIN}${below}` : `${large}${THIN}${unit}`;
}

function trimmed(number, digits) {
  return String(Number(number.toFixed(digits)));
}

// A moment of a journal, in microseconds, always as wide as others of the same journal.
export function moment(us, longest) {
  const ms = Math.floor(us / 1000);
  const pad = (number, width) => String(number).padStart(width, "0");
  const tail = `${pad(Math.floor(ms / 1000) % 60, 2)}.${pad(ms % 1000, 3)}`;
  const minutes = Math.floor(ms / 60000);
  if (longest < 3_600_000_000) return `${pad(minutes, 2)}:${tail}`;
  return `${pad(Math.floor(minutes / 60), 2)}:${pad(minutes % 60, 2)}:${tail}`;
}

export function count(number, one, many) {
  return `${grouped(number)} ${number === 1 ? one : (many ?? `${one}s`)}`;
}

export function grouped(number) {
  return String(number).replace(/\B(?=(\d{3})+(?!\d))/g, THIN);
}

export function listed(words, most) {
  if (words.length > most) return `${words.slice(0, most - 1).join(", ")} and ${words.length - most + 1} more`;
  if (words.length < 2) return words.join("");
  return `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}

// When a run began, in UTC: `2026-11-29 03:00`.
export function day(text) {
  return text.slice(0, 16).replace("T", " ");
}

const WHOSE = {
  app: "the app’s",
  backend: "the backend’s",
  harness: "the harness’s",
  unclear: "unclear",
};

export function whose(subject) {
  return WHOSE[subject] ?? subject;
}

const VERDICTS = {
  passed: { word: "Passed", tone: "good", mark: "✓" },
  failed: { word: "Failed", tone: "bad", mark: "✗" },
  inconclusive: { word: "Inconclusive", tone: "odd", mark: "?" },
  errored: { word: "Errored", tone: "bad", mark: "!" },
  skipped: { word: "Skipped", tone: "quiet", mark: "–" },
  "known-failure": { word: "Known failure", tone: "odd", mark: "≈" },
  "unexpected-pass": { word: "Unexpected pass", tone: "bad", mark: "!" },
  flaky: { word: "Flaky", tone: "bad", mark: "≈" },
};

export function verdict(name) {
  return VERDICTS[name] ?? { word: name, tone: "quiet", mark: "·" };
}

const STATUSES = {
  proven: { word: "Proven", tone: "good", mark: "✓" },
  violated: { word: "Violated", tone: "bad", mark: "✗" },
  inconclusive: { word: "Inconclusive", tone: "odd", mark: "?" },
  attested: { word: "Attested", tone: "good", mark: "✎" },
  "not-applicable": { word: "Not applicable", tone: "quiet", mark: "–" },
  "not-scored": { word: "Not scored", tone: "quiet", mark: "–" },
};

export function status(name) {
  return STATUSES[name] ?? { word: name, tone: "quiet", mark: "·" };
}
