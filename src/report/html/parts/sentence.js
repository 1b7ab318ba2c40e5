// What a run came to, in a sentence.

import { verdict, whose, count, listed } from "./words.js";

// The verdict on a run, in one sentence, and in a second one whose fault it is.
export function sentence(report) {
  const of = (name) => report.scenarios.filter((one) => one.verdict === name).length;
  const all = report.scenarios.length;
  const played = all - of("skipped");
  const tail = report.interrupted ? " A person stopped the run before its end." : "";
  switch (report.verdict) {
    case "passed":
      return played === all
        ? `All ${count(all, "scenario")} passed.${tail}`
        : `${count(of("passed"), "scenario")} passed, ${of("skipped")} skipped.${tail}`;
    case "failed":
      return `${of("failed")} of ${count(played, "scenario")} failed: ${fault(report)}.${tail}`;
    case "errored":
      return `The harness or its environment failed in ${of("errored") || "some"} of ${count(played, "scenario")}, so nothing is proven.${tail}`;
    case "inconclusive":
      return `Nothing wrong was found, but it is not proven either.${tail}`;
    default:
      return `${verdict(report.verdict).word}: ${of("passed")} of ${count(played, "scenario")} passed.${tail}`;
  }
}

function fault(report) {
  const subjects = [...new Set(report.causes.map((cause) => cause.subject))];
  const known = subjects.filter((subject) => subject !== "unclear");
  if (known.length === 0) return "whose fault it is does not show";
  return `the fault is ${listed(known.map(whose), 3)}`;
}
