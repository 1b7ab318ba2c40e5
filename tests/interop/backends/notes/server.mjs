// A note-taking app's backend, as small as they come: one service, one key that never ends, and two
// lists that one has to ask for. No feed, no refresh, no kill-switch, nothing for operators.

import { randomUUID } from "node:crypto";
import { Service, answer, jsonOf, ready } from "../house.mjs";

const keys = new Set();

const own = (give) => async (request) =>
  keys.has(request.headers["api-key"]) ? answer(200, give()) : answer(401, "no\n", { "content-type": "text/plain" });

const notes = new Service({
  routes: {
    "POST /login": async (request) => {
      const { name, word } = await jsonOf(request);
      if (name !== "ida" || word !== (process.env.NOTES_IDA ?? "opal-4")) return answer(403, { ok: false });
      const key = randomUUID();
      keys.add(key);
      return answer(200, { ok: true, key });
    },
    "GET /notes": own(() => [{ n: 1, text: "milk" }, { n: 2, text: "call Théo 🔑" }]),
    "GET /tags": own(() => ({ tags: ["home", "work"] })),
  },
});

await notes.start();
ready({ notes: notes.url });
