import { describe, expect, test } from "vitest";
import { leftSteps, suggestions, targetsOf, usable } from "../../src/journeys/publish/mapping";

const BEFORE = `journey: cart
entry: {event: Go}
steps:
  - {id: rest, wait: 1d}
  - id: where
    branch:
      - {name: fr, if: {attribute: country, is: FR}, then: [{id: paris, wait: 2d}]}
      - else: [{id: note, update: {set: {x: 1}}}]
  - {id: mail, email: {subject: Hi, text: Hi}}
`;
const AFTER = BEFORE.replace("id: rest,", "id: quiet,")
  .replace("{id: paris, wait: 2d}", "{id: lyon, wait: 3d}")
  .replace("{id: mail, email: {subject: Hi, text: Hi}}", "{id: mail, sms: {text: Hi}}");

describe("runs that a new version leaves behind", () => {
  const targets = targetsOf(AFTER, BEFORE, "cart");

  test("targets are the steps of the main line, with those inside of ways, and say what is new", () => {
    expect(targets.map(({ id, level, way, isNew }) => [id, level, way, isNew])).toEqual([
      ["quiet", 0, null, true],
      ["where", 0, null, false],
      ["lyon", 1, "fr", true],
      ["note", 1, "else", false],
      ["mail", 0, null, false],
    ]);
  });

  test("steps that are gone or of another kind are listed with the runs of all versions", () => {
    const standing = [
      { version: 1, step: "rest", runs: 2 },
      { version: 2, step: "rest", runs: 3 },
      { version: 2, step: "paris", runs: 9 },
      { version: 2, step: "where", runs: 1 },
      { version: 2, step: "mail", runs: 4 },
      { version: 2, step: null, runs: 7 },
      { version: 3, step: "rest", runs: 100 },
    ];
    const staying = [{ version: 2, step: "mail", runs: 4, reason: "step_changed" }];
    expect(leftSteps(standing, staying, 3, targets)).toEqual([
      { step: "paris", runs: 9, versions: [2], why: "step_gone" },
      { step: "rest", runs: 5, versions: [1, 2], why: "step_gone" },
      { step: "mail", runs: 4, versions: [2], why: "step_changed" },
    ]);
  });

  test("a step of the same kind at the same place is proposed, and no other one", () => {
    const left = ["rest", "paris", "mail"].map((step) => ({
      step,
      runs: 1,
      versions: [1],
      why: "step_gone" as const,
    }));
    expect(suggestions(left, targets, BEFORE, "cart")).toEqual({ rest: "quiet", paris: "lyon" });
    expect(suggestions(left, targets, "", "cart")).toEqual({});
  });

  test("a map keeps what still leads from a step with runs to a step that is there", () => {
    const left = [{ step: "rest", runs: 1, versions: [1], why: "step_gone" as const }];
    const map = { rest: "quiet", paris: "lyon" };
    expect(usable(map, left, targets)).toEqual({ rest: "quiet" });
    expect(usable({ rest: "gone" }, left, targets)).toEqual({});
  });
});
