import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sameValue } from "@/builder/document/model";
import { openText } from "@/builder/document/reading";
import { documentForm } from "@/builder/document/schema";
import { isValueMap, nodeValue, type Value } from "@/builder/document/values";
import { type Shape, shapeOf, variantOf } from "@/builder/panel/shapes";
import type { Part, Sentence } from "@/conditions/parts";
import { conditionOf } from "@/conditions/rebuilding";
import { shownValue, typedValue } from "@/conditions/scalarTexts";
import { sentenceOf } from "@/conditions/sentences";
import { sentenceText } from "@/conditions/words";
import { files } from "../builder/files";
import { anything, conditions } from "./randomConditions";

/** All values in a value that have the form of a condition by the schema, outermost only. */
function conditionsIn(shape: Shape, value: Value): Value[] {
  if (shape.definition === "Condition") {
    return [value];
  }
  const found = variantOf(shape, value);
  if (found === null) {
    return [];
  }
  if (found.kind === "list" && Array.isArray(value)) {
    return (value as readonly Value[]).flatMap((item) => conditionsIn(found.item(), item));
  }
  if (found.kind === "mapping" && isValueMap(value)) {
    return found.fields.flatMap((field) => {
      const inner = value[field.key];
      return inner === undefined ? [] : conditionsIn(field.shape(), inner);
    });
  }
  if (found.kind === "named" && isValueMap(value)) {
    return Object.values(value).flatMap((inner) => conditionsIn(found.value(), inner));
  }
  return [];
}

const written = files.flatMap(([name, text]) =>
  openText(text).documents.flatMap((document) => {
    const value = nodeValue(document, document.tree.contents);
    const form = isValueMap(value) ? documentForm(Object.keys(value)) : null;
    return form?.name == null
      ? []
      : conditionsIn(shapeOf(form.name), value).map((condition) => [name, condition] as const);
  }),
);

function partsOf(sentence: Sentence): readonly Part[] {
  switch (sentence.form) {
    case "text":
      return [];
    case "line":
      return sentence.clauses.flatMap((clause) => clause.parts);
    case "group":
      return [...sentence.items.flatMap(partsOf), ...sentence.kept];
  }
}

function hasText(sentence: Sentence): boolean {
  return sentence.form === "group" ? sentence.items.some(hasText) : sentence.form === "text";
}

describe("a condition as a sentence", () => {
  test("of the library and the real programmes is shown whole, and is itself again", () => {
    expect(written.length).toBeGreaterThan(70);
    for (const [name, condition] of written) {
      const sentence = sentenceOf(condition);
      const said = `${name}: ${JSON.stringify(condition)}`;
      expect(sameValue(conditionOf(sentence), condition), said).toBe(true);
      expect(hasText(sentence), said).toBe(false);
      expect(
        partsOf(sentence).filter((part) => part.type === "kept"),
        said,
      ).toEqual([]);
    }
  });

  test("of any form of the language has no part that the editor does not know", () => {
    fc.assert(
      fc.property(conditions(), (condition) => {
        const sentence = sentenceOf(condition);
        expect(conditionOf(sentence)).toEqual(condition);
        expect(hasText(sentence)).toBe(false);
        const kept = partsOf(sentence).filter((part) => part.type === "kept");
        // A list with references in it is one of the two things without fields of their own.
        for (const part of kept) {
          expect(
            ["in", "not_in"].includes(String(part.at.at(-1))) || Array.isArray(part.value),
          ).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });

  test("of a form that nothing knows is kept as it is", () => {
    fc.assert(
      fc.property(anything, (value) => {
        expect(conditionOf(sentenceOf(value))).toEqual(value);
      }),
      { numRuns: 1000 },
    );
  });

  test("with a key that nothing knows keeps it, and says it", () => {
    fc.assert(
      fc.property(conditions(2), (condition) => {
        fc.pre(isValueMap(condition));
        const more = { ...(condition as object), new_key: { deep: ["x"] } } as Value;
        const sentence = sentenceOf(more);
        expect(conditionOf(sentence)).toEqual(more);
        const kept = partsOf(sentence).filter((part) => part.type === "kept");
        expect(kept.some((part) => part.at.at(-1) === "new_key")).toBe(true);
      }),
    );
  });

  test.each<[string, Value]>([
    [
      "has Order Completed at least 2 times in the last 30 days where total is at least 50",
      { event: "Order Completed", where: { total: { gte: 50 } }, count: { gte: 2 }, within: "30d" },
    ],
    [
      "has never Order Completed before their entry into the journey",
      { event: "Order Completed", count: 0, before: "entry" },
    ],
    [
      "has Order Completed at least once in the last 1 year whose sum of total is at least 500",
      { event: "Order Completed", sum: { total: { gte: 500 } }, within: "1y" },
    ],
    ["country is one of FR, DE", { attribute: "country", in: ["FR", "DE"] }],
    [
      "trial_ends is after now and is before 3 days from now",
      { attribute: "trial_ends", after: "now", before: "+3d" },
    ],
    ["is in segment X", { segment: "X" }],
    ["is subscribed to news", { topic: "news", is: "subscribed" }],
    ["is within 1 km of shops", { near: { places: "shops", km: 1 } }],
    ["message reminder was clicked", { message: "reminder", is: "clicked" }],
    ["step answer event.score is at least 9", { step: "answer", property: "event.score", gte: 9 }],
    ["phone has no value", { attribute: "phone", exists: false }],
    [
      "has A at least once where items has an element whose sku is A and price is above 50",
      { event: "A", where: { items: { any: { sku: "A", price: { gt: 50 } } } } },
    ],
    [
      "has A at least once where cart_id is cart_id of the entry",
      { event: "A", where: { cart_id: { entry: "cart_id" } } },
    ],
    [
      "none of these: is in group vip; all of these: score is above 1; nothing x",
      {
        not: {
          any: [{ group: "vip" }, { all: [{ attribute: "score", gt: 1 }] }, { nothing: "x" }],
        },
      },
    ],
  ])("%s", (words, condition) => {
    expect(sentenceText(sentenceOf(condition))).toBe(words);
  });
});

describe("a value in a field", () => {
  test("is typed as it is shown", () => {
    const values = fc.oneof(
      fc.string(),
      fc.integer(),
      fc.boolean(),
      fc.constantFrom("75001", '"a"', "null", "true", "1.0", '"'),
    );
    fc.assert(
      fc.property(values, fc.constantFrom([], ["number"], ["truth", "text"]), (value, types) => {
        expect(typedValue(shownValue(value, types as never), types as never)).toBe(value);
      }),
    );
    expect(typedValue("75001", ["text"])).toBe("75001");
    expect(typedValue("75001", ["number"])).toBe(75001);
    expect(shownValue("75001", [])).toBe('"75001"');
  });
});
