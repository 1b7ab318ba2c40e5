// The one place where the page's state is: what is looked at, and how.

import { signal, computed, batch } from "./view.js";
import { openJournal } from "./journal.js";
import { tellStory, stepsOf } from "./story.js";

const THEMES = ["auto", "light", "dark"];
const KEPT = "rehearsal-theme";

// `report` is the JSON report, `history` what the runs before it came to, `journals` the blocks by a scenario's place, `omitted` what there was
// no room for, likewise. `place` reads and writes the address: {read, write, keep, kept}.
export function makeStore({ report, history, journals, omitted, place }) {
  const store = {
    report,
    history,
    omitted,
    route: signal(parseRoute(place.read())),
    theme: signal(THEMES.includes(place.kept(KEPT)) ? place.kept(KEPT) : "auto"),
    // The list of scenarios.
    wanted: { verdict: signal(""), text: signal(""), rule: signal(""), tag: signal(""), item: signal("") },
    // The scenario that is open.
    opened: signal(null),
    entries: { text: signal(""), lanes: signal(new Set()), bad: signal(false), device: signal("") },
    view: signal({ from: 0, to: 1 }),
    axis: signal("time"),
    said: signal(""),
  };
  store.scenario = computed(() => report.scenarios.find(({ id }) => id === store.route.value.scenario) ?? null);
  store.selected = computed(() => store.opened.value?.journal.places.get(store.route.value.entry) ?? null);
  store.go = (scenario, entry) => {
    const route = { section: null, scenario, entry: entry ?? null };
    place.write(formatRoute(route), store.route.value.scenario === scenario && entry != null);
    store.route.value = route;
  };
  store.follow = () => {
    store.route.value = parseRoute(place.read());
  };
  store.turn = () => {
    store.theme.value = THEMES[(THEMES.indexOf(store.theme.value) + 1) % THEMES.length];
    place.keep(KEPT, store.theme.value);
  };
  store.open = async (scenario) => {
    const number = report.scenarios.indexOf(scenario);
    const journal = await openJournal(journals.get(number), scenario);
    if (store.scenario.value !== scenario) return;
    const story = tellStory(journal, scenario.findings);
    batch(() => {
      store.entries.text.value = "";
      store.entries.lanes.value = new Set();
      store.entries.bad.value = false;
      store.entries.device.value = "";
      store.opened.value = { scenario, journal, story, steps: stepsOf(journal), omitted: omitted[number] ?? null };
      store.view.value = { from: 0, to: 1 };
      store.axis.value = crowded(journal) ? "order" : "time";
    });
  };
  return store;
}

// In virtual time much happens in one instant; an axis by order shows more then.
function crowded(journal) {
  let moments = 0;
  for (let at = 1; at < journal.length; at += 1) if (journal.at[at] !== journal.at[at - 1]) moments += 1;
  return journal.longest === 0 || moments < journal.length / 20;
}

// `#scenario/entry` is a place in a scenario, `#/section` one on the first page.
export function parseRoute(hash) {
  const text = hash.replace(/^#/, "");
  if (text === "" || text.startsWith("/")) return { section: text.slice(1) || null, scenario: null, entry: null };
  const [scenario, entry] = text.split("/").map(decoded);
  return { section: null, scenario, entry: /^\d+$/.test(entry ?? "") ? Number(entry) : null };
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export function formatRoute({ scenario, entry }) {
  if (scenario === null) return "#";
  return `#${encodeURIComponent(scenario)}${entry == null ? "" : `/${entry}`}`;
}
