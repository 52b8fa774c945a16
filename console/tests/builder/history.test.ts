import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { applyEdit } from "@/builder/document/applyEdit";
import {
  type History,
  newHistory,
  PAUSE,
  recorded,
  redo,
  replaced,
  restored,
  saved,
  undo,
} from "@/builder/document/history";
import { outlinesOf } from "@/builder/document/outline";
import { applyPatches, composed, inverse, moved, type TextPatch } from "@/builder/document/patches";
import { openText } from "@/builder/document/reading";
import { files } from "./files";
import { type Random, randomFrom } from "./random";
import { randomEdit } from "./randomEdits";

const MORE = Number(process.env.PARCOURS_MORE_EDITS ?? "1");

/** An edit of the graph, or now and then one of the text. */
function edited(history: History, random: Random, at: number): History {
  if (random.chance(0.1)) {
    const place = random.below(history.text.length);
    return replaced(
      history,
      `${history.text.slice(0, place)}\n# typed\n${history.text.slice(place)}`,
      { at },
    );
  }
  const file = openText(history.text);
  const journeys = outlinesOf(file).filter(
    ({ document }) => file.documents[document]?.problems.length === 0,
  );
  if (journeys.length === 0) return undo(history)?.history ?? history;
  const { document } = random.pick(journeys);
  const result = applyEdit(file, document, randomEdit(file, document, random));
  return result.ok ? recorded(history, result.patches, { at, after: result.selection }) : history;
}

function allTheWay(history: History, step: typeof undo): History {
  let made = history;
  for (let next = step(made); next !== null; next = step(made)) made = next.history;
  return made;
}

describe("undo", () => {
  const sample = MORE > 1 ? files : files.filter(([name]) => name === "win-back.yaml");

  it.each(sample)(
    "leads 500 random edits of %s back byte for byte, and redo forward",
    (name, start) => {
      const random = randomFrom(name.length);
      let history = newHistory(start);
      for (let turn = 0; history.done.length < 500; turn++) {
        history = edited(history, random, turn * 10_000);
        // A text that the random typing broke, or that grew large, goes back a little.
        const grown = history.text.length > start.length + 4000;
        if (grown) for (let back = 0; back < 3; back++) history = undo(history)?.history ?? history;
        if (grown) history = replaced(history, start, { at: turn * 10_000 + 1 });
      }
      const end = history.text;
      const back = allTheWay(history, undo);
      expect(back.text).toBe(start);
      expect(back.undone.length).toBe(500);
      expect(allTheWay(back, redo).text).toBe(end);
      const reloaded = restored(saved(back), start, 0);
      if (reloaded === null) throw new Error("not restored");
      expect(allTheWay(reloaded, redo).text).toBe(end);
    },
    60_000,
  );

  it("takes typing back as far as the last pause", () => {
    const typed = (history: History, text: string, at: number) => {
      const end = history.text.length;
      return recorded(history, [{ from: end, to: end, insert: text }], { at, typing: true });
    };
    let history = newHistory("");
    [..."one"].forEach((letter, place) => {
      history = typed(history, letter, place * 100);
    });
    history = typed(history, " two", 300 + PAUSE);
    history = typed(history, " three", 301 + PAUSE);
    history = recorded(history, [{ from: 0, to: 0, insert: "# " }], { at: 302 + PAUSE });
    history = typed(history, "!", 303 + PAUSE);
    const texts = [history.text];
    for (let next = undo(history); next !== null; next = undo(next.history))
      texts.push(next.history.text);
    expect(texts).toEqual(["# one two three!", "# one two three", "one two three", "one", ""]);
    expect(allTheWay(allTheWay(history, undo), redo).text).toBe("# one two three!");
  });

  it("forgets what was undone when something else is done", () => {
    const put = (history: History, insert: string) =>
      recorded(history, [{ from: 0, to: 0, insert }], { at: 0 });
    const two = put(put(newHistory(""), "a"), "b");
    const back = undo(two)?.history ?? two;
    expect(redo(put(back, "c"))).toBeNull();
  });

  it("selects what was selected", () => {
    const history = recorded(newHistory("a"), [{ from: 1, to: 1, insert: "b" }], {
      at: 0,
      before: [["steps", 0]],
      after: [["steps", 1]],
    });
    const back = undo(history);
    expect(back?.selection).toEqual([["steps", 0]]);
    expect(back === null ? null : redo(back.history)?.selection).toEqual([["steps", 1]]);
  });

  it("goes on after a reload, with what was edited elsewhere as one more step", () => {
    const history = recorded(newHistory("a\n"), [{ from: 1, to: 1, insert: "b" }], { at: 0 });
    const reloaded = restored(saved(history), "ab\nc\n", 5);
    expect(reloaded?.text).toBe("ab\nc\n");
    expect(reloaded === null ? null : undo(reloaded)?.history.text).toBe("ab\n");
    expect(reloaded === null ? null : allTheWay(reloaded, undo).text).toBe("a\n");
  });

  it("does not take anything else for a history", () => {
    const history = recorded(newHistory("a"), [{ from: 1, to: 1, insert: "b" }], { at: 0 });
    const read = JSON.parse(saved(history)) as { done: { back: TextPatch[] }[] };
    for (const text of [
      "",
      "null",
      "{}",
      "[1]",
      '{"version":1,"text":"a","done":[{}],"undone":[]}',
    ]) {
      expect(restored(text, "a", 0)).toBeNull();
    }
    read.done[0] = { ...read.done[0], back: [{ from: 0, to: 99, insert: "" }] };
    expect(restored(JSON.stringify(read), "ab", 0)).toBeNull();
  });
});

const patches = (text: string) =>
  fc.uniqueArray(fc.nat(text.length), { maxLength: 8 }).chain((points) => {
    const ordered = points.sort((one, other) => one - other);
    const pairs = ordered
      .filter((_, place) => place % 2 === 1)
      .map((to, place) => [ordered[2 * place] ?? to, to]);
    return fc.tuple(
      ...pairs.map(([from, to]) =>
        fc.record({
          from: fc.constant(from ?? 0),
          to: fc.constant(to ?? 0),
          insert: fc.string({ maxLength: 4 }),
        }),
      ),
    );
  });

describe("patches", () => {
  it("are taken back by their inverse, and two of them can be one", () => {
    fc.assert(
      fc.property(
        fc.string({ maxLength: 40 }).chain((text) =>
          patches(text).chain((first) => {
            const middle = applyPatches(text, first);
            return patches(middle).map((second) => ({ text, first, middle, second }));
          }),
        ),
        ({ text, first, middle, second }) => {
          expect(applyPatches(middle, inverse(text, first))).toBe(text);
          const both = composed(text.length, first, second);
          const end = applyPatches(middle, second);
          expect(applyPatches(text, both)).toBe(end);
          expect(applyPatches(end, inverse(text, both))).toBe(text);
        },
      ),
      { numRuns: 300, seed: 1 },
    );
  });

  it("say where a place of the text went", () => {
    const change = [{ from: 2, to: 4, insert: "xyz" }];
    expect([0, 2, 3, 4, 6].map((offset) => moved(offset, change))).toEqual([0, 2, 3, 5, 7]);
  });
});
