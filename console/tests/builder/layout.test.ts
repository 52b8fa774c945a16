import { describe, expect, it } from "vitest";
import { applyEdit } from "@/builder/document/applyEdit";
import { type Outline, outlineOf, outlinesOf } from "@/builder/document/outline";
import { openText } from "@/builder/document/reading";
import type { Card, Edge, Layout, Point } from "@/builder/layout/cards";
import { layout } from "@/builder/layout/layout";
import { readingOrder } from "@/builder/layout/order";
import { files } from "./files";
import { randomJourney, randomText } from "./generated";
import { randomFrom } from "./random";

function outlines(): Outline[] {
  const read = files.flatMap(([, text]) => outlinesOf(openText(text)));
  for (let seed = 0; seed < 60; seed++) {
    const random = randomFrom(seed);
    read.push(...outlinesOf(openText(randomText(random, randomJourney(random, 6)))));
  }
  return read;
}

/** A height for each card that depends on its key alone. */
function height(key: string): number {
  let sum = 0;
  for (const letter of key) sum = (sum * 31 + (letter.codePointAt(0) ?? 0)) % 1000;
  return 30 + (sum % 90);
}

function overlaps(one: Card, other: Card): boolean {
  return (
    one.x < other.x + other.width &&
    other.x < one.x + one.width &&
    one.y < other.y + other.height &&
    other.y < one.y + one.height
  );
}

type Part = readonly [Point, Point];

function parts({ points }: Edge): Part[] {
  return points.slice(1).map((point, index) => [points[index] ?? point, point]);
}

/** Whether two parts cross: each goes on on both sides of the other. */
function cross([a, b]: Part, [c, d]: Part): boolean {
  const inside = (value: number, one: number, other: number) =>
    value > Math.min(one, other) && value < Math.max(one, other);
  if (a.x === b.x && c.y === d.y) return inside(a.x, c.x, d.x) && inside(c.y, a.y, b.y);
  if (a.y === b.y && c.x === d.x) return inside(c.x, a.x, b.x) && inside(a.y, c.y, d.y);
  return false;
}

function throughCard([a, b]: Part, card: Card): boolean {
  return (
    Math.max(a.x, b.x) > card.x &&
    Math.min(a.x, b.x) < card.x + card.width &&
    Math.max(a.y, b.y) > card.y &&
    Math.min(a.y, b.y) < card.y + card.height
  );
}

function problems(made: Layout): string[] {
  const found: string[] = [];
  const all = made.edges.flatMap((edge) => parts(edge).map((part) => ({ edge, part })));
  made.cards.forEach((card, index) => {
    for (const other of made.cards.slice(index + 1)) {
      if (overlaps(card, other)) found.push(`${card.key} lies on ${other.key}`);
    }
    for (const { edge, part } of all) {
      if (throughCard(part, card)) found.push(`${edge.key} goes through ${card.key}`);
    }
  });
  all.forEach(({ edge, part }, index) => {
    if (part[0].x !== part[1].x && part[0].y !== part[1].y) found.push(`${edge.key} is aslant`);
    for (const other of all.slice(index + 1)) {
      // Edges of one branch run together until each turns into its lane.
      const together = edge.from === other.edge.from || edge.to === other.edge.to;
      if (!together && cross(part, other.part)) found.push(`${edge.key} ${other.edge.key}`);
    }
  });
  return found;
}

/** The cards below a card in its lane, and those below the joins of the lanes around it. */
function reachable(made: Layout, first: string): Set<string> {
  const found = new Set([first]);
  const next = new Map<string, string[]>();
  for (const { after, before } of made.drops) next.set(after, [...(next.get(after) ?? []), before]);
  for (const card of made.cards) {
    if (card.type !== "way") continue;
    next.set(card.step.key, [
      ...(next.get(card.step.key) ?? []),
      card.key,
      `${card.step.key}/join`,
    ]);
  }
  for (const key of found) for (const below of next.get(key) ?? []) found.add(below);
  return found;
}

describe("the layout", () => {
  const all = outlines();

  it("lets no card lie on another, no edge cross another or a card", () => {
    for (const outline of all) expect(problems(layout(outline, height))).toEqual([]);
  });

  it("is the same every time, and has each card and each edge once", () => {
    for (const outline of all) {
      const made = layout(outline, height);
      expect(layout(outline, height)).toEqual(made);
      const keys = [...made.cards, ...made.edges].map(({ key }) => key);
      expect(new Set(keys).size).toBe(keys.length);
      const cards = new Set(made.cards.map(({ key }) => key));
      for (const { from, to } of [...made.edges, ...made.jumps]) {
        expect(cards.has(from) && cards.has(to)).toBe(true);
      }
    }
  });

  it("has a place to drop a step before and after every step, and in every lane", () => {
    for (const outline of all) {
      const made = layout(outline, height);
      const keys = made.drops.map(({ key }) => key);
      expect(new Set(keys).size).toBe(keys.length);
      for (const card of made.cards) {
        if (card.type === "item" || (card.type === "way" && card.way.steps !== null)) {
          expect(
            made.drops.filter(({ after }) => after === card.key || after === `${card.key}/join`)
              .length,
          ).toBe(1);
        }
      }
      for (const place of made.drops) {
        expect(made.cards.filter((card) => throughCard([place, place], card))).toEqual([]);
      }
    }
  });

  it("moves nothing but what stands below an inserted step, and the joins around it", () => {
    for (let seed = 0; seed < 40; seed++) {
      const random = randomFrom(seed);
      const file = openText(randomText(random, randomJourney(random, 4)));
      const [outline] = outlinesOf(file);
      if (outline === undefined) throw new Error("no journey");
      const before = layout(outline, height);
      const place = random.pick(before.drops);
      const result = applyEdit(file, outline.document, {
        edit: "insert",
        target: place,
        steps: [{ id: "inserted", wait: "1h" }],
      });
      if (!result.ok) throw new Error(result.refusal.reason);
      const after = layout(outlineOf(openText(result.text), outline.document), height);
      const cards = new Map(after.cards.map((card) => [card.key, card]));
      const below = reachable(before, place.before);
      for (const card of before.cards) {
        const now = cards.get(card.key);
        // Cards without an id are called by their place, which the new step changes.
        if (now === undefined || (card.type === "item" && card.item.id === null)) continue;
        expect(now.x, card.key).toBe(card.x);
        const moves =
          below.has(card.key) || (place.list[0] === "exit" && card.key.startsWith("exit"));
        if (!moves) expect(now.y, `${seed} ${card.key}`).toBe(card.y);
      }
      const inserted = after.cards.find(({ key }) => key === "step:inserted");
      expect(inserted?.x).toBe(place.x - (inserted?.width ?? 0) / 2);
    }
  });

  it("draws no way on after an exit and after a holdout", () => {
    const text = `journey: j
entry: {event: A}
steps:
  - id: b
    branch:
      - {if: {group: g}, then: [{id: out, exit: done}]}
      - else: [{id: on, wait: 1h}]
  - id: s
    split:
      - {name: a, weight: 1, holdout: true}
      - {name: c, weight: 1, then: [{id: never, exit: over}]}
  - {id: unreachable, wait: 1h}
`;
    const made = layout(outlineOf(openText(text), 0));
    const edges = made.edges.map(({ key }) => key);
    expect(edges).toContain("step:on→step:b/join");
    expect(edges).not.toContain("step:out→step:b/join");
    expect(edges.filter((key) => key.includes("→step:s/join"))).toEqual([]);
    expect(edges).not.toContain("step:s/join→step:unreachable");
    expect(edges).toContain("step:unreachable→end");
  });

  it("leads jumps to the card of their step", () => {
    const text =
      "journey: j\nentry: {event: A}\nsteps:\n  - {id: a, wait: 1h}\n  - {id: g, goto: a}\n  - {id: h, goto: no}\n";
    expect(layout(outlineOf(openText(text), 0)).jumps).toEqual([{ from: "step:g", to: "step:a" }]);
  });

  it("lays out a thousand steps in under 50 ms", () => {
    const steps = Array.from({ length: 1000 }, (_, place) =>
      place % 10 === 9
        ? `  - id: b${place}\n    branch:\n      - {if: {group: x}, then: [{id: in${place}, wait: 1h}]}\n`
        : `  - {id: s${place}, wait: 1h}\n`,
    );
    const text = `journey: big\nentry: {event: A}\nsteps:\n${steps.join("")}`;
    const outline = outlineOf(openText(text), 0);
    let best = Number.POSITIVE_INFINITY;
    for (let turn = 0; turn < 5; turn++) {
      const start = performance.now();
      layout(outline);
      best = Math.min(best, performance.now() - start);
    }
    expect(best).toBeLessThan(50);
  });
});

describe("the reading order", () => {
  it("has every card that can be chosen once, from the entry to the exits", () => {
    for (const outline of outlines()) {
      const { lines, neighbours } = readingOrder(outline);
      const cards = layout(outline).cards.filter(({ type }) => type !== "join" && type !== "end");
      expect(lines.map(({ key }) => key).sort()).toEqual(cards.map(({ key }) => key).sort());
      for (const [key, each] of neighbours) {
        if (each.next !== null) expect(neighbours.get(each.next)?.previous).toBe(key);
        if (each.right !== null && neighbours.get(each.right)?.into !== undefined) {
          expect(neighbours.has(each.right)).toBe(true);
        }
        if (each.into !== null) expect(neighbours.get(each.into)?.out).toBe(key);
      }
    }
  });

  it("goes into lanes, out of them, and from lane to lane", () => {
    const text = `journey: j
entry: {event: A}
steps:
  - {id: a, wait: 1h}
  - id: b
    branch:
      - {name: x, if: {group: g}, then: [{id: in-x, wait: 1h}]}
      - {name: y, if: {group: h}, then: [{id: in-y, wait: 1h}]}
  - {id: c, wait: 1h}
exit: [{event: E, then: [{id: bye, group: {add: [g]}}]}]
`;
    const { lines, neighbours } = readingOrder(outlineOf(openText(text), 0));
    expect(lines.map(({ key, level }) => `${level} ${key}`)).toEqual([
      "1 entry",
      "1 step:a",
      "1 step:b",
      "2 step:b/way:x",
      "3 step:in-x",
      "2 step:b/way:y",
      "3 step:in-y",
      "2 step:b/else",
      "1 step:c",
      "1 exit:0",
      "2 step:bye",
    ]);
    expect(neighbours.get("step:b")).toMatchObject({
      next: "step:c",
      previous: "step:a",
      into: "step:b/way:x",
    });
    expect(neighbours.get("step:in-x")).toMatchObject({
      out: "step:b/way:x",
      right: "step:b/way:y",
    });
    expect(neighbours.get("step:b/way:y")).toMatchObject({
      left: "step:b/way:x",
      right: "step:b/else",
      out: "step:b",
    });
    expect(neighbours.get("entry")?.next).toBe("step:a");
  });
});
