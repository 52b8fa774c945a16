import { describe, expect, test } from "vitest";
import { ApiProblem } from "../../src/api/problems";
import { keyOf } from "../../src/components/keys";
import { refusedLines, saidOfStep } from "../../src/components/saidOfSteps";
import { figuresOfStep } from "../../src/journeys/figuresOnCards";
import { aboutLibrary, aboutText, called, emptyJourney, LIBRARY } from "../../src/journeys/library";
import type { StepStats } from "../../src/journeys/liveStats";
import { latestStatus } from "../../src/journeys/messageStatus";

describe("what validation says", () => {
  test("names the step and not the place in a file", () => {
    expect(saidOfStep("welcome.yaml:7: warning: [tip] `tip` has a topic")).toBe(
      "tip: `tip` has a topic",
    );
    expect(saidOfStep("welcome.yaml:2: entry lacks an event")).toBe("entry lacks an event");
    expect(saidOfStep("journey welcome is paused and stays so")).toBe(
      "journey welcome is paused and stays so",
    );
  });

  test("is one line for each problem of a refused text, and none of another error", () => {
    const errors = [
      { text: "welcome.yaml:5: [a] no consent; give it a `topic`" },
      { text: "welcome.yaml:9: [b] no subject" },
    ];
    const refused = new ApiProblem(422, "invalid_document", "both in one line", { errors });
    expect(refusedLines(refused)).toEqual(["a: no consent; give it a `topic`", "b: no subject"]);
    expect(refusedLines(new ApiProblem(409, "conflict", "no"))).toEqual([]);
    expect(refusedLines(new TypeError("offline"))).toEqual([]);
  });
});

describe("the state of a message", () => {
  const message = (statuses: Record<string, string>) =>
    ({ state: "sent", statuses }) as Parameters<typeof latestStatus>[0];

  test("is the most that came back of it, also if an opening was recorded after the click", () => {
    const clicked = { clicked: "2026-03-01T08:00:00Z", opened: "2026-03-01T08:00:01Z" };
    expect(latestStatus(message(clicked))).toBe("clicked");
    expect(latestStatus(message({ delivered: "2026-03-01T08:00:00Z" }))).toBe("delivered");
    expect(latestStatus(message({ ...clicked, complained: "2026-03-01T07:00:00Z" }))).toBe(
      "complained",
    );
    expect(latestStatus(message({}))).toBe("sent");
  });
});

test("the figure of how many reached a step leads to them, unless no one did", () => {
  const step = {
    id: "tip",
    reached: 8,
    waiting: 0,
    retrying: 0,
    deferred: 0,
    deferred_by: {},
    sent: 0,
    opened: 0,
    clicked: 0,
    skipped: { suppressed: 2, consent: 1 },
    failed: 0,
    goal: { met: 0 },
    left_open: 0,
    outcomes: {},
  } as unknown as StepStats;
  const [reached, skipped] = figuresOfStep("welcome", step);
  expect(skipped).toEqual({
    name: "skipped",
    value: "3",
    to: "~/log?types=send%2Cvisit&journey=welcome&step=tip&outcome=skipped",
  });
  expect(reached).toEqual({ name: "reached", value: "8", to: "/people?reached=tip" });
  const [none] = figuresOfStep("welcome", { ...step, reached: 0 });
  expect(none).toEqual({ name: "reached", value: "0" });
});

describe("a new journey", () => {
  test("has a key that is made of its name", () => {
    const made = ["welcome-and-tip", " Welcome & Tip! ", "Grüße à tous", "2 for 1", "!!", ""].map(
      keyOf,
    );
    expect(made).toEqual(["welcome-and-tip", "welcome-tip", "grusse-a-tous", "2-for-1", "", ""]);
    expect(keyOf("long ".repeat(40)).length).toBeLessThanOrEqual(64);
  });

  test("is called as it was named, unless that is its key", () => {
    const begun = emptyJourney("welcome-tip");
    expect(called(begun, "welcome-tip", "welcome-tip")).toBe(begun);
    expect(called(begun, "welcome-tip", "Welcome: tip").text).toContain('name: "Welcome: tip"');
  });

  test("of the library says what it does", async () => {
    expect(aboutText("# One,\n# two.\n#\n# Needs: it\njourney: x\n")).toBe("One, two.");
    const about = await aboutLibrary();
    expect([...about.keys()].sort()).toEqual([...LIBRARY]);
    expect([...about.values()].filter((each) => each.length < 20)).toEqual([]);
  });
});
