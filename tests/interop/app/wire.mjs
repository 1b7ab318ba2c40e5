// How the greenhouse app speaks to its backend: paths, shapes and manners of single requests.

const TIMEOUT = 3500;
const ATTEMPTS = 3;

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/** Grows with every attempt, and is never the same twice. */
export const backoff = (attempt) => Math.min(2000, 200 * 2 ** attempt) * (0.75 + Math.random() / 2);

/** An answer that is no success. */
export class Refused extends Error {
  constructor(status, body, retryAfter) {
    super(`answered ${status}`);
    this.status = status;
    this.body = body;
    this.retryAfter = retryAfter;
  }
}

/** No answer at all. */
export class Unreachable extends Error {}

/** One attempt. */
export async function send(url, { method = "GET", token, body, headers = {}, signal } = {}) {
  const given = AbortSignal.timeout(TIMEOUT);
  let answer;
  let text;
  try {
    answer = await fetch(url, {
      method,
      redirect: "error",
      signal: signal ? AbortSignal.any([signal, given]) : given,
      headers: {
        ...(token ? { authorization: `Bearer ${token}` } : {}),
        ...(body ? { "content-type": "application/json" } : {}),
        ...headers,
      },
      body: body ? JSON.stringify(body) : undefined,
    });
    text = await answer.text();
  } catch (error) {
    throw new Unreachable(error.message);
  }
  let parsed;
  try {
    parsed = text ? JSON.parse(text) : null;
  } catch {
    throw new Unreachable("that was no answer of ours");
  }
  if (!answer.ok) throw new Refused(answer.status, parsed, answer.headers.get("retry-after"));
  return parsed;
}

/** Whether it may be better a little later. */
export const mayPass = (error) =>
  error instanceof Unreachable || (error instanceof Refused && error.status >= 500);

/** A few attempts, each later than the one before. */
export async function patiently(attempt, { wait = backoff, attempts = ATTEMPTS, wanted = () => true } = {}) {
  for (let made = 0; ; made += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (!mayPass(error) || made + 1 >= attempts) throw error;
      const told = Number(error.retryAfter) * 1000;
      await sleep(told > 0 ? told + 100 : wait(made));
      if (!wanted()) throw error;
    }
  }
}
