// How the Node peers talk to the tests: JSON lines, commands in on stdin and news out on stdout.
// `{"$binary":"<base64>"}` stands for bytes, in both directions and at any depth.

import { createInterface } from "node:readline";

const outward = (value) => {
  if (Buffer.isBuffer(value)) return { $binary: value.toString("base64") };
  if (Array.isArray(value)) return value.map(outward);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, outward(inner)]));
};

export const inward = (value) => {
  if (Array.isArray(value)) return value.map(inward);
  if (value === null || typeof value !== "object") return value;
  if (typeof value.$binary === "string") return Buffer.from(value.$binary, "base64");
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, inward(inner)]));
};

export const say = (what) => process.stdout.write(`${JSON.stringify(outward(what))}\n`);

// Performs commands until stdin ends; so a peer cannot outlive the test that started it.
export const obey = async (commands) => {
  for await (const line of createInterface({ input: process.stdin })) {
    const command = JSON.parse(line);
    await commands[command.do](command);
    say({ done: command.do });
  }
  process.exit(0);
};
