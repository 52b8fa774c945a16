import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { applyEdit } from "@/builder/document/applyEdit";
import { valueAt } from "@/builder/document/model";
import { outlinesOf } from "@/builder/document/outline";
import { openText, type Path } from "@/builder/document/reading";
import type { Value } from "@/builder/document/values";
import { randomJourney, randomText } from "./generated";
import { randomFrom } from "./random";
import { partsOf } from "./randomEdits";

const MORE = Number(process.env.PARCOURS_MORE_EDITS ?? "1");

/** All documents of a text, every scalar as text. */
function documentsOf(text: string): unknown[] {
  const parsed = parseAllDocuments(text, { schema: "failsafe", prettyErrors: false });
  if (!Array.isArray(parsed)) return [];
  expect(parsed.flatMap(({ errors }) => errors)).toEqual([]);
  return parsed.map((document) => document.toJS() as unknown);
}

/** All scalars as text, as a parser without types has them. */
function untyped(value: Value): unknown {
  if (Array.isArray(value)) return (value as readonly Value[]).map(untyped);
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, untyped(inner)]));
  }
  return String(value);
}

const texts = fc.oneof(
  fc.string({ unit: "binary", maxLength: 12 }),
  fc.string({ maxLength: 30 }),
  fc.stringMatching(/^[ab:#\-?{}[\]&*!|>'"%@`,\n\t .0-9~]{0,12}$/),
  fc.constantFrom(
    "01000",
    "yes",
    "NO",
    "null",
    "~",
    "1.0",
    "-1",
    "+336",
    "09:00",
    "a: b",
    "x #y",
    "---",
    "{{ a }}",
    "one\n\ntwo\n",
    "\n",
    " x",
    "x ",
    "a\n b\n",
    "a\r\nb",
  ),
);

const values: fc.Arbitrary<Value> = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    texts,
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true, min: 0.001, max: 1e9 }),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie("value"), { maxLength: 4 }),
    fc
      .uniqueArray(fc.tuple(texts, tie("value")), { maxLength: 4, selector: ([key]) => key })
      .map((pairs) => Object.fromEntries(pairs.filter(([key]) => key !== "__proto__"))),
  ),
})).value;

describe("values", () => {
  it(
    "of any kind are written so that they read the same, in any style",
    () => {
      fc.assert(
        fc.property(fc.integer(), values, fc.boolean(), (seed, value, whole) => {
          const random = randomFrom(seed);
          const file = openText(randomText(random, randomJourney(random, 2)));
          const [outline] = outlinesOf(file);
          if (outline === undefined) throw new Error("no journey");
          const step = random.pick(partsOf(outline).steps);
          const paths: Path[] = [
            ["name"],
            ["defaults", "window", "from"],
            ["entry"],
            [...step.path, "update", "set", "made"],
            [...step.path, "webhook"],
          ];
          const path = whole ? random.pick(paths) : ["goal"];
          const { document } = outline;
          const result = applyEdit(file, document, { edit: "set", path, value });
          const about = `${path.join(".")} ${JSON.stringify(value)}\n${file.text}`;
          if (!result.ok) throw new Error(`${result.refusal.reason} ${about}`);
          const journey = documentsOf(result.text).find(
            (each) => typeof each === "object" && each !== null && "journey" in each,
          );
          const now = valueAt((journey ?? null) as Value, path);
          expect(now, `${about}\n→\n${result.text}`).toEqual(untyped(value));
          const again = applyEdit(openText(result.text), document, { edit: "unset", path });
          if (!again.ok) throw new Error(`${again.refusal.reason} ${about}`);
          // Written once more where it was, it is the same again.
          const back = applyEdit(openText(again.text), document, { edit: "set", path, value });
          if (!back.ok) throw new Error(`${back.refusal.reason} ${about}`);
          expect(outlinesOf(openText(back.text)).length).toBe(outlinesOf(file).length);
        }),
        { numRuns: 60 * MORE, seed: Number(process.env.PARCOURS_EDITS_SEED ?? "1") },
      );
    },
    20_000 * MORE,
  );
});
