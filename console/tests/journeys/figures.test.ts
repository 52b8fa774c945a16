import { describe, expect, test } from "vitest";
import { sampledFigures } from "../../src/builder/trial/sampledFigures";
import { freeName } from "../../src/components/views";
import { isAbout } from "../../src/journeys/experiments/Holdouts";
import { roundEnd } from "../../src/journeys/experiments/IntervalChart";
import { between, confidence, probability, rate } from "../../src/journeys/experiments/numbers";
import { allTimes } from "../../src/journeys/overTime";

describe("what a sample came to", () => {
  const counts: Parameters<typeof sampledFigures>[0] = {
    kind: "summary",
    journey: "cart",
    contacts: 50,
    entered: 40,
    refused: {},
    ends: {},
    standing: { rest: 3 },
    steps: [
      {
        id: "where",
        kind: "branch",
        reached: 40,
        outcomes: { fr: 30, else: 10 },
        skipped: {},
        messages: 0,
      },
      { id: "rest", kind: "wait", reached: 30, outcomes: { due: 27 }, skipped: {}, messages: 0 },
    ],
  };

  test("stands on the ways by their share, also on those that no one takes", () => {
    const coverage = [
      { step: "where", kind: "branch", reached: ["fr", "else"], missed: ["de"], never: {} },
    ];
    const figures = sampledFigures(counts, coverage);
    const shown = (key: string) => figures.get(key)?.map(({ name, value }) => `${value} ${name}`);
    expect(shown("entry")).toEqual(["40 (80%) entered"]);
    expect(shown("step:where/way:fr")).toEqual(["30 (75%) take it"]);
    expect(shown("step:where/else")).toEqual(["10 (25%) take it"]);
    expect(shown("step:where/way:de")).toEqual(["0 (0%) take it"]);
    expect(shown("step:rest")).toEqual(["30 (75%) reached", "3 still here"]);
    expect(shown("step:rest/way:due")).toBeUndefined();
  });
});

describe("figures of comparisons", () => {
  test("no p-value is nothing, and no one is wholly sure", () => {
    expect([probability(0), probability(0.0312), confidence(0), confidence(0.25)]).toEqual([
      "< 0.0001",
      "0.031",
      "99.9%",
      "75%",
    ]);
  });

  test("an interval may be open at either end", () => {
    expect(between({ low: 0.1, high: 0.25 }, rate)).toBe("between 10% and 25%");
    expect(between({ low: 0.1, high: null }, rate)).toBe("at least 10%");
    expect(between({ low: null, high: 0.25 }, rate)).toBe("at most 25%");
    expect(between({ low: null, high: null }, rate)).toBe("");
  });

  test("an axis ends with a round number that has room for all", () => {
    expect([0, 0.07, 0.1, 0.23, 7, 12, 950].map(roundEnd)).toEqual([
      1, 0.08, 0.1, 0.3, 8, 15, 1000,
    ]);
  });

  test("a holdout is about the journeys that it names, or about all", () => {
    const cases: Readonly<Record<string, unknown>>[] = [
      {},
      { journeys: "all" },
      { journeys: ["cart"] },
      { journeys: ["welcome"] },
    ];
    expect(cases.map((each) => isAbout(each, "cart"))).toEqual([true, true, true, false]);
  });
});

test("periods without anything stand between those that are known", () => {
  const day = (text: string) => new Date(`2026-11-${text}T00:00:00Z`);
  expect(allTimes([day("01"), day("04"), day("05")], "day")).toEqual(
    ["01", "02", "03", "04", "05"].map(day),
  );
  // A night on which clocks are put back: 25 hours are one day.
  const long = [new Date("2026-10-24T22:00:00Z"), new Date("2026-10-25T23:00:00Z")];
  expect(allTimes(long, "day")).toEqual(long);
});

test("a view that is taken over gets a name that is free", () => {
  expect(freeName("Stuck", new Set())).toBe("Stuck");
  expect(freeName("Stuck", new Set(["Stuck", "Stuck (2)"]))).toBe("Stuck (3)");
});
