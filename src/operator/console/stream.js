// The tape as a stream, and the API beside it. A stream that breaks off goes on where it was.

const FIRST_WAIT = 500;
const LONGEST_WAIT = 5000;

// Reads for good. `onEntries` gets what came, `onState` how it stands: live, lost (with when it is tried again) or
// over; `onAnew` is told when another process answers; `onLost` how many entries were gone before they were read.
export async function follow({ last, onEntries, onState, onAnew, onLost }) {
  let tape = null;
  let wait = FIRST_WAIT;
  for (;;) {
    let over = false;
    try {
      const answer = await fetch("/api/journal", { headers: { accept: "text/event-stream", "last-event-id": String(last()) } });
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      const own = answer.headers.get("x-rehearsal-tape");
      if (tape !== null && own !== tape) {
        tape = own;
        onAnew();
        await answer.body.cancel();
        continue;
      }
      tape = own;
      wait = FIRST_WAIT;
      onState("live");
      over = await read(answer.body, onEntries, onLost);
    } catch {
      // Said below: whoever answers no more is tried again.
    }
    if (over) {
      onState("over");
      return;
    }
    onState("lost");
    await new Promise((done) => setTimeout(done, wait));
    wait = Math.min(wait * 2, LONGEST_WAIT);
  }
}

// Answers whether the last thing that came was the verdict, after which nothing comes.
async function read(body, onEntries, onLost) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let over = false;
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return over;
    rest += value;
    const end = rest.lastIndexOf("\n\n");
    if (end < 0) continue;
    const entries = [];
    for (const block of rest.slice(0, end).split("\n\n")) {
      const event = parse(block);
      if (event?.kind === "lost") onLost(event.entry.lost);
      else if (event) entries.push(event);
    }
    rest = rest.slice(end + 2);
    if (entries.length) {
      over = entries.at(-1).kind === "verdict";
      onEntries(entries);
    }
  }
}

// One event of a stream: number, kind and entry; nothing for a comment.
export function parse(block) {
  const fields = {};
  for (const line of block.split("\n")) {
    const at = line.indexOf(": ");
    if (at > 0) fields[line.slice(0, at)] = line.slice(at + 2);
  }
  if (fields.data === undefined) return null;
  try {
    return { number: Number(fields.id ?? 0), kind: fields.event ?? "", entry: JSON.parse(fields.data) };
  } catch {
    return null;
  }
}

// Asks the API; what was refused is thrown with what it says.
export async function ask(path, body) {
  const options = body === undefined ? {} : { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  const answer = await fetch(`/api${path}`, options);
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(said.detail ?? `the answer was ${answer.status}`);
  return said;
}

// One entry in full, as the tape still has it.
export async function whole(number) {
  const { entries } = await ask(`/journal?since=${number - 1}&limit=1`);
  const [entry] = entries;
  return entry ?? null;
}
