// How the operator of the courier app's backend moves its gate by hand: a command in the place of a call.
//
//   node lever.mjs close|open OPERATOR
//
// It says what the gate is afterwards, and with FLEET_TELL also to whoever listens at that port.

import { connect } from "node:net";

const [act, operator] = process.argv.slice(2);
const answer = await fetch(`${operator}/gate/${act}`, { method: "POST", headers: { "x-dispatch": process.env.FLEET_OPS } });
const { gate } = await answer.json();
process.stdout.write(`the gate is ${gate}\n`);
if (process.env.FLEET_TELL) {
  const told = connect(Number(process.env.FLEET_TELL), "127.0.0.1", () => told.end(`${gate}\n`));
  told.on("error", () => {});
}
