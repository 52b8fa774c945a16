import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { outlineOf } from "@/builder/document/outline";
import { openText } from "@/builder/document/reading";
import { beginning } from "@/builder/graph/beginning";
import { layout } from "@/builder/layout/layout";

const EDGE = 8;

function drawn(text: string) {
  const found = layout(outlineOf(openText(text), 0));
  const entry = found.cards.find(({ type }) => type === "entry");
  if (entry === undefined) throw new Error("a journey has an entry");
  return { ...found, entry };
}

const SHORT = drawn("journey: a\nentry: {event: A}\nsteps:\n  - {id: w, wait: 1d}\n");
const WIDE = drawn(
  `journey: a\nentry: {event: A}\nexit: [{event: B}]\nsteps:\n  - id: s\n    split:\n${[..."abcdef"]
    .map((name) => `      - {name: ${name}, share: 10%, then: [{id: ${name}, wait: 1d}]}\n`)
    .join("")}`,
);

describe("the view of a graph when it is opened", () => {
  it("has the whole entry in sight in frames of any width that has room for it", () => {
    fc.assert(
      fc.property(fc.integer({ min: 260, max: 2_000 }), fc.boolean(), (width, short) => {
        const graph = short ? SHORT : WIDE;
        const { x, zoom } = beginning(width, graph);
        const left = x + graph.entry.x * zoom;
        expect(left).toBeGreaterThanOrEqual(EDGE);
        expect(left + graph.entry.width * zoom).toBeLessThanOrEqual(width - EDGE);
      }),
    );
  });

  it("has all of a graph in sight where there is room", () => {
    fc.assert(
      fc.property(fc.integer({ min: 600, max: 3_000 }), fc.boolean(), (width, short) => {
        const { bounds, ...graph } = short ? SHORT : WIDE;
        const { x, zoom } = beginning(width, { bounds, ...graph });
        if ((bounds.right - bounds.left) * zoom > width - 48) return;
        expect(x + bounds.left * zoom).toBeGreaterThanOrEqual(0);
        expect(x + bounds.right * zoom).toBeLessThanOrEqual(width);
      }),
    );
  });
});
