import { expect, test } from "vitest";
import { pathOf } from "../../src/contacts/path";

function visit(step: string, outcome: string | null, number = 1) {
  return {
    step,
    kind: "wait",
    visit: number,
    outcome,
    started_at: "2026-11-30T09:00:00Z",
    ended_at: null,
    message_id: null,
    facts: {},
    due_at: null,
    held: null,
    message: null,
    retry: null,
  };
}

test("a path has the steps and ways of a run, and the step at which it stands", () => {
  const visits = [visit("kind", "gold"), visit("rest", "elapsed"), visit("kind", null, 3)];
  const path = pathOf({ state: "active", step: "kind", visits });
  expect([...path.keys].sort()).toEqual([
    "entry",
    "step:kind",
    "step:kind/way:gold",
    "step:rest",
    "step:rest/way:elapsed",
  ]);
  expect(path.at).toBe("step:kind");
  expect(path.visits.get("kind")?.map((each) => each.visit)).toEqual([1, 3]);
});

test("a run that has ended, or has not begun, stands at no step", () => {
  expect(
    pathOf({ state: "ended", step: "rest", visits: [visit("rest", "elapsed")] }).at,
  ).toBeNull();
  const path = pathOf({ state: "active", step: null, visits: [] });
  expect([path.at, [...path.keys]]).toEqual([null, ["entry"]]);
});
