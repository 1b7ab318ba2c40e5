// A value that a JSON Schema lets through, to begin an editor with.

export function sample(schema, depth = 0) {
  if (schema === null || typeof schema !== "object" || depth > 12) return schema === true ? {} : null;
  for (const key of ["const", "default"]) if (key in schema) return schema[key];
  if (schema.examples?.length) return schema.examples[0];
  if (schema.enum?.length) return schema.enum[0];
  const choice = schema.oneOf ?? schema.anyOf;
  if (choice?.length) return sample(choice[0], depth + 1);
  const type = Array.isArray(schema.type) ? schema.type.find((one) => one !== "null") : schema.type;
  if (type === "object" || schema.properties) return object(schema, depth);
  if (type === "array") return array(schema, depth);
  if (type === "integer" || type === "number") return schema.minimum ?? (schema.exclusiveMinimum === undefined ? 1 : schema.exclusiveMinimum + 1);
  if (type === "boolean") return true;
  if (type === "string") return text(schema);
  return schema.type === "null" ? null : {};
}

function object({ properties = {}, required }, depth) {
  const names = required?.length ? required : Object.keys(properties);
  return Object.fromEntries(names.map((name) => [name, sample(properties[name] ?? {}, depth + 1)]));
}

function array({ items = {}, minItems = 1 }, depth) {
  return Array.from({ length: Math.min(Math.max(1, minItems), 5) }, () => sample(items, depth + 1));
}

function text({ format, minLength = 0 }) {
  const known = { "date-time": new Date().toISOString(), date: new Date().toISOString().slice(0, 10), email: "somebody@example.com", uri: "https://example.com/", uuid: "00000000-0000-4000-8000-000000000000" };
  return known[format] ?? "text".padEnd(minLength, ".");
}
