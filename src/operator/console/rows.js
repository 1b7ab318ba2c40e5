// The rows of one resource of the world, a part at a time: what is looked at is fetched, and again when something has happened.

import { batch, signal } from "./view.js";
import { ask } from "./stream.js";

const PART = 200;

export function makeWorld() {
  const world = { what: signal(null), user: signal(""), resource: signal(""), total: signal(0), whole: signal(undefined), parts: signal(new Map()), picked: signal(null), why: signal("") };
  const looked = new Set();
  const coming = new Set();
  let asked = 0;
  const address = (from) => {
    const query = new URLSearchParams({ resource: world.resource.value, from: String(from), limit: String(PART) });
    if (world.user.value) query.set("user", world.user.value);
    return `/world?${query}`;
  };
  // One part; what comes after something else was chosen is left.
  const fetchPart = async (part) => {
    const own = asked;
    coming.add(part);
    try {
      const found = await ask(address(part * PART));
      if (own !== asked) return;
      batch(() => {
        world.why.value = "";
        world.total.value = found.total ?? 0;
        if (JSON.stringify(world.whole.value) !== JSON.stringify(found.value)) world.whole.value = found.value;
        if (found.rows) world.parts.value = new Map(world.parts.value).set(part, found.rows);
      });
    } catch (error) {
      if (own === asked) world.why.value = error.message;
    } finally {
      if (own === asked) coming.delete(part);
    }
  };
  world.row = (at) => {
    const part = Math.floor(at / PART);
    looked.add(part);
    const rows = world.parts.value.get(part);
    if (!rows && !coming.has(part)) setTimeout(() => coming.has(part) || fetchPart(part));
    return rows?.[at % PART];
  };
  world.again = async () => {
    if (!world.resource.value) return;
    const wanted = new Set(looked).add(0);
    looked.clear();
    for (const part of world.parts.value.keys()) if (!wanted.has(part)) world.parts.value.delete(part);
    await Promise.all([...wanted].filter((part) => !coming.has(part)).map(fetchPart));
  };
  world.choose = (user, resource) => {
    asked += 1;
    coming.clear();
    looked.clear();
    batch(() => {
      world.user.value = user;
      world.resource.value = resource;
      world.total.value = 0;
      world.whole.value = undefined;
      world.parts.value = new Map();
      world.picked.value = null;
    });
    return world.again();
  };
  world.learn = async () => {
    try {
      world.what.value = await ask("/world");
      if (!world.resource.value) await world.choose(...firstOf(world.what.value));
    } catch (error) {
      world.why.value = error.message;
    }
  };
  // Where a row is that has been fetched, by its key.
  world.place = (picked) => {
    if (!picked || picked.key === undefined) return picked?.at ?? null;
    const same = JSON.stringify(picked.key);
    for (const [part, rows] of world.parts.value) {
      const at = rows.findIndex((row) => JSON.stringify(keyOf(world.own(), row)) === same);
      if (at >= 0) return part * PART + at;
    }
    return null;
  };
  world.own = () => world.what.value?.resources.find(({ name }) => name === world.resource.value);
  return world;
}

// A list of an account to begin with, for that is what is changed most.
function firstOf({ users, resources }) {
  const [user] = users;
  const own = resources.filter((one) => one.users.includes(user));
  const first = own.find(({ list }) => list) ?? own[0];
  return first ? [user, first.name] : ["", resources[0]?.name ?? ""];
}

// What stands at a JSON Pointer, or at a JSONPath of plain names.
export function pointed(value, place) {
  const names = place.startsWith("$") ? place.split(/[.[\]'"]+/).slice(1) : place.split("/").slice(1).map((name) => name.replaceAll("~1", "/").replaceAll("~0", "~"));
  return names.filter((name) => name !== "").reduce((at, name) => at?.[name], value);
}

export function keyOf(own, row) {
  return own?.key ? pointed(row, own.key) : undefined;
}

// A row that is like another and is not it.
export function likeness(own, row, total) {
  const copy = structuredClone(row);
  const key = keyOf(own, row);
  if (key === undefined || !own.key.startsWith("/")) return copy;
  const names = own.key.split("/").slice(1);
  const within = names.slice(0, -1).reduce((at, name) => at?.[name], copy);
  if (within) within[names.at(-1)] = typeof key === "number" ? key + total : `${key}-new`;
  return copy;
}
