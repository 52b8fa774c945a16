import { describe, expect, it } from "vitest";
import { stepKinds } from "@/builder/document/language";
import type { OutlineStep, StepList } from "@/builder/document/outline";
import { outlineOf, outlinesOf } from "@/builder/document/outline";
import { openText } from "@/builder/document/reading";
import { isValueMap, nodeValue, type Value } from "@/builder/document/values";
import { files, library } from "./files";
import { randomJourney, randomText } from "./generated";
import { randomFrom } from "./random";

/** The steps of an outline as plain values, put together from its lists and ways alone. */
function stepsOf(list: StepList | null): Value[] {
  return (list?.items ?? []).flatMap((item) => (item.type === "step" ? [stepOf(item)] : []));
}

function stepOf(step: OutlineStep): Value {
  if (step.ways.length === 0 || !isValueMap(step.value) || step.kind === null) return step.value;
  const ways = step.ways
    .filter((way) => !way.implied)
    .map((way) => {
      const value = isValueMap(way.value) ? way.value : {};
      const key = way.steps?.path.at(-1);
      return way.steps === null || way.steps.missing || key === undefined
        ? value
        : { ...value, [key]: stepsOf(way.steps) };
    });
  return { ...step.value, [step.kind.kind]: ways };
}

describe("the outline of a journey", () => {
  it("knows the kinds of the language, in its order, from the schema", () => {
    expect(stepKinds.map(({ kind }) => kind)).toEqual([
      ...["email", "sms", "webhook", "wait", "branch", "split", "update", "group", "coupon"],
      ...["emit", "enter", "goto", "exit"],
    ]);
    const ways = stepKinds.filter((kind) => kind.ways.length > 0);
    expect(
      ways.map(({ kind, ways }) => [kind, ways.map(({ name, steps }) => [name, steps])]),
    ).toEqual([
      [
        "branch",
        [
          ["Case", "then"],
          ["Otherwise", "else"],
        ],
      ],
      ["split", [["Arm", "then"]]],
    ]);
    expect(stepKinds.find(({ kind }) => kind === "goto")?.keys).toEqual([
      "id",
      "if",
      "goto",
      "max_visits",
    ]);
  });

  it.each(files)("has every step of %s", (_, text) => {
    const file = openText(text);
    const journeys = file.documents.filter(({ kind }) => kind === "journey");
    const outlines = outlinesOf(file);
    expect(outlines.length).toBe(journeys.length);
    for (const outline of outlines) {
      const document = file.documents[outline.document];
      if (document === undefined) throw new Error("no document");
      const value = nodeValue(document, document.tree.contents);
      if (!isValueMap(value)) throw new Error("no mapping");
      expect(stepsOf(outline.steps)).toEqual(value.steps);
      expect(outline.steps.items.every((item) => item.type === "step" && item.kind !== null)).toBe(
        true,
      );
    }
  });

  it("reads a journey in any style", () => {
    for (let seed = 0; seed < 50; seed++) {
      const random = randomFrom(seed);
      const journey = randomJourney(random, 8);
      const text = randomText(random, journey);
      const file = openText(text);
      const [outline] = outlinesOf(file);
      expect(
        file.documents.flatMap(({ problems }) => problems),
        text,
      ).toEqual([]);
      expect(stepsOf(outline?.steps ?? null), `${seed}\n${text}`).toEqual(journey.steps);
      expect(outline?.exits.map(({ steps }) => stepsOf(steps))).toEqual(
        (journey.exit as readonly { then: Value }[]).map(({ then }) => then),
      );
    }
  });

  it("shows ways, shares, and the way that is not written", () => {
    const text = `journey: j
entry: {event: A}
steps:
  - id: s
    split:
      - {name: a, weight: 1, then: [{id: x, wait: 1h}]}
      - {name: b, weight: 2, holdout: true}
      - {name: c, weight: 1, winner: {by: clicked, after: 4h}}
  - id: b
    branch:
      - {if: {group: g}, then: []}
`;
    const [split, branch] = outlineOf(openText(text), 0).steps.items;
    if (split?.type !== "step" || branch?.type !== "step") throw new Error("no steps");
    expect(split.ways.map(({ role, name, share }) => [role, name, share])).toEqual([
      ["arm", "a", 0.25],
      ["holdout", "b", 0.5],
      ["winner", "c", 0.25],
    ]);
    expect(split.ways.map(({ steps }) => steps?.path ?? null)).toEqual([
      ["steps", 0, "split", 0, "then"],
      null,
      null,
    ]);
    expect(branch.ways.map(({ role, implied, steps }) => [role, implied, steps?.path])).toEqual([
      ["case", false, ["steps", 1, "branch", 0, "then"]],
      ["else", true, ["steps", 1, "branch", 1, "else"]],
    ]);
  });

  it("shows notes and steps that are commented out, each in its own list", () => {
    const text = `journey: j
entry: {event: A}
steps:
  # first
  # of all
  - id: a
    wait: 1h

  # loose, about nothing

  # why it is off
  # - id: off
  #   # inside
  #   email: {template: t}
  # note of b
  - id: b
    branch:
      - if: {group: g}
        then:
          - {id: c, wait: 1h}
          # - {id: last, wait: 2h}
      # - {id: not-in-a-list-of-steps}
  # - no step: at all
  # - {id: end, wait: 3h}
goal: {event: B}
`;
    const { steps } = outlineOf(openText(text), 0);
    const shown = steps.items.map((item) => [
      item.type,
      item.id,
      item.note?.text ?? null,
      item.index,
    ]);
    expect(shown).toEqual([
      ["step", "a", "first\nof all", 0],
      ["disabled", "off", "why it is off", 1],
      ["step", "b", "note of b", 1],
      ["disabled", "end", "- no step: at all", 2],
    ]);
    const [, off, branch] = steps.items;
    expect(off?.type === "disabled" && off.source).toBe(
      "  - id: off\n    # inside\n    email: {template: t}",
    );
    const inner = branch?.type === "step" ? branch.ways[0]?.steps?.items : [];
    expect(inner?.map(({ type, id }) => [type, id])).toEqual([
      ["step", "c"],
      ["disabled", "last"],
    ]);
  });

  it("keeps a kind that the language does not have, and shows its text", () => {
    const text =
      "journey: j\nentry: {api: true}\nsteps:\n  - {id: a, fax: {to: x}}\n  - just text\n";
    const [first, second] = outlineOf(openText(text), 0).steps.items;
    expect(first?.kind).toBeNull();
    expect(first?.source).toBe("{id: a, fax: {to: x}}");
    expect(second?.source).toBe("just text");
  });

  it("follows aliases, but not into themselves and not without end", () => {
    const alias =
      "journey: j\nentry: {api: true}\nsteps: &s\n  - {id: a, wait: &w 1h}\n  - {id: b, wait: *w}\n";
    const [, second] = outlineOf(openText(alias), 0).steps.items;
    expect(second?.value).toEqual({ id: "b", wait: "1h" });
    const itself = `${alias}  - {id: c, branch: [{if: {group: g}, then: *s}]}\n`;
    const file = openText(itself);
    expect(file.documents[0]?.problems.length).toBe(1);
    expect(outlineOf(file, 0).steps.items.length).toBe(3);
    const levels = Array.from({ length: 30 }, (_, level) =>
      level === 0 ? "x0: &x0 [a, a]" : `x${level}: &x${level} [*x${level - 1}, *x${level - 1}]`,
    );
    const grown = openText(`journey: j\n${levels.join("\n")}\nsteps: [{id: a, emit: *x29}]\n`);
    expect(grown.documents[0]?.problems.length).toBe(1);
    expect(outlineOf(grown, 0).steps.length).toBe(1);
    const deep = openText(`topic: t\n---\njourney: j\nsteps: ${"[".repeat(20_000)}`);
    expect(deep.documents.map(({ problems }) => problems.length > 0)).toEqual([false, true]);
  });

  it("says where everything stands in the file", () => {
    const text = library("abandoned-cart-coupon");
    const [outline] = outlinesOf(openText(text));
    const [first] = outline?.steps.items ?? [];
    expect(text.slice(first?.range.from, first?.range.to)).toBe("{id: quiet, wait: 1h}");
    expect(text.slice(outline?.goal?.range.from, outline?.goal?.range.to)).toContain(
      "value: total",
    );
  });
});
