import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { applyEdit } from "@/builder/document/applyEdit";
import { copySteps } from "@/builder/document/clipboard";
import { valueAt } from "@/builder/document/model";
import { outlinesOf, type StepList } from "@/builder/document/outline";
import { applyPatches } from "@/builder/document/patches";
import { type JourneyText, openText } from "@/builder/document/reading";
import { afterRemoval } from "@/builder/document/stepEdits";
import type { Value } from "@/builder/document/values";
import { files } from "./files";
import { randomJourney, randomText } from "./generated";
import { type Random, randomFrom } from "./random";
import { partsOf, randomEdit } from "./randomEdits";
import { keeps, untouchedLines } from "./touched";

/** How many times more is tried than by default. */
const MORE = Number(process.env.PARCOURS_MORE_EDITS ?? "1");

const SEED = Number(process.env.PARCOURS_EDITS_SEED ?? "1");

/** The ids of all steps of an outline, in the order of the text. */
function idsOf(list: StepList | null): string[] {
  return (list?.items ?? []).flatMap((item) =>
    item.type === "disabled"
      ? []
      : [item.id ?? "", ...item.ways.flatMap((way) => idsOf(way.steps))],
  );
}

/** The ids of all steps of a plain value, in the order of the text. */
function idsIn(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(idsIn);
  if (typeof value !== "object" || value === null) return [];
  const { id, branch, split, then: inner, else: otherwise } = value as Record<string, unknown>;
  const own = typeof id === "string" ? [id] : [];
  return [...own, ...[branch, split, inner, otherwise].flatMap(idsIn)];
}

/** Checks what holds after any edit; gives the text after it. */
function tried(text: string, random: Random, turn: number): string {
  const file = openText(text);
  const { document } = random.pick(outlinesOf(file));
  const edit = randomEdit(file, document, random);
  const about = `${turn} ${JSON.stringify(edit)}\n${file.documents[document]?.text}`;
  const result = applyEdit(file, document, edit);
  if (!result.ok) {
    expect(result.refusal.reason, about).not.toBe("as-text-only");
    return text;
  }
  expect(applyPatches(text, result.patches), about).toBe(result.text);
  expect(keeps(result.text, untouchedLines(file, document, edit)), about).toBeNull();
  reads(result.text, file, about);
  return result.text;
}

/** Whether a text reads the same by its outline as by a parser that knows nothing of it. */
function reads(text: string, before: JourneyText, about: string): void {
  const parsed = parseAllDocuments(text, { schema: "failsafe", prettyErrors: false });
  if (!Array.isArray(parsed)) throw new Error("nothing was parsed");
  expect(
    parsed.flatMap(({ errors }) => errors),
    `${about}\n${text}`,
  ).toEqual([]);
  const values = parsed.map((document) => document.toJS() as Record<string, unknown> | null);
  const journeys = values.filter((value) => value !== null && "journey" in value);
  const outlines = outlinesOf(openText(text));
  expect(journeys.length).toBe(outlinesOf(before).length);
  outlines.forEach((outline, index) => {
    expect(idsOf(outline.steps), about).toEqual(idsIn(journeys[index]?.steps));
  });
}

describe("random edits", () => {
  it.each(files)("leave every untouched line of %s as it was", (name, start) => {
    const random = randomFrom(name.length * 7919 + start.length);
    let text = start;
    for (let turn = 0; turn < 10 * MORE; turn++) text = tried(text, random, turn);
  });

  it(
    "leave journeys in any style of YAML readable",
    () => {
      fc.assert(
        fc.property(fc.integer(), (seed) => {
          const random = randomFrom(seed);
          let text = randomText(random, randomJourney(random, 3));
          for (let turn = 0; turn < 8; turn++) text = tried(text, random, turn);
        }),
        { numRuns: 25 * MORE, endOnFailure: true, seed: SEED },
      );
    },
    20_000 * MORE,
  );

  it(
    "move what a deletion and an insertion would move",
    () => {
      fc.assert(
        fc.property(fc.integer(), (seed) => {
          const random = randomFrom(seed);
          const file = openText(randomText(random, randomJourney(random, 4)));
          const [outline] = outlinesOf(file);
          if (outline === undefined) throw new Error("no journey");
          const { document } = outline;
          const { steps, targets } = partsOf(outline);
          const { path, id } = random.pick(steps);
          const target = random.pick(targets);
          const moved = applyEdit(file, document, { edit: "move", steps: [path], target });
          if (!moved.ok) {
            expect(moved.refusal.reason).toBe("into-itself");
            return;
          }
          const text = copySteps(file, document, [path]);
          const gone = applyEdit(file, document, { edit: "delete", steps: [path] });
          if (!gone.ok) throw new Error(gone.refusal.reason);
          const [list, index] = [target.list, target.index];
          const place = afterRemoval([...list, index], [path]);
          const again = applyEdit(openText(gone.text), document, {
            edit: "paste",
            target: { list: place.slice(0, -1), index: Number(place.at(-1)) },
            text,
          });
          if (!again.ok) throw new Error(again.refusal.reason);
          expect(plain(moved.text), `${id}`).toEqual(plain(again.text));
        }),
        { numRuns: 40 * MORE, seed: SEED },
      );
    },
    20_000 * MORE,
  );

  it(
    "give pasted steps ids of their own, and keep what they say of each other",
    () => {
      fc.assert(
        fc.property(fc.integer(), (seed) => {
          const random = randomFrom(seed);
          const file = openText(randomText(random, randomJourney(random, 4)));
          const [outline] = outlinesOf(file);
          if (outline === undefined) throw new Error("no journey");
          const { document } = outline;
          const { steps, targets } = partsOf(outline);
          const copied = [random.pick(steps).path, random.pick(steps).path];
          const text = copySteps(file, document, copied);
          const target = random.pick(targets);
          const result = applyEdit(file, document, { edit: "paste", target, text });
          if (!result.ok) throw new Error(result.refusal.reason);
          const [now] = outlinesOf(openText(result.text));
          const ids = [now?.steps ?? null, ...(now?.exits.map(({ steps }) => steps) ?? [])].flatMap(
            idsOf,
          );
          expect(new Set(ids).size).toBe(ids.length);
          for (const [old, made] of result.renamed) {
            expect(ids).toContain(old);
            expect(ids).toContain(made);
          }
          // Pasting has to undo the names alone: with the old ones, the steps are those copied.
          const back = new Map([...result.renamed].map(([old, made]) => [made, old]));
          const values = result.selection.map(
            (path) => valueAt(plainJourney(result.text), path) ?? null,
          );
          const renamedBack = JSON.parse(
            JSON.stringify(values, (_, value: unknown) =>
              typeof value === "string" ? (back.get(value) ?? value) : value,
            ),
          );
          expect(renamedBack).toEqual(
            JSON.parse(JSON.stringify(parse(text, { schema: "failsafe" }))),
          );
        }),
        { numRuns: 40 * MORE, seed: SEED },
      );
    },
    20_000 * MORE,
  );
});

/** All documents of a text, by a parser that knows nothing of outlines. */
function plain(text: string): unknown[] {
  const parsed = parseAllDocuments(text, { schema: "failsafe", prettyErrors: false });
  return Array.isArray(parsed) ? parsed.map((document) => document.toJS() as unknown) : [];
}

function plainJourney(text: string): Value {
  const found = plain(text).find(
    (each) => typeof each === "object" && each !== null && "journey" in each,
  );
  return (found ?? null) as Value;
}
