/** The journey as a list: the order in which it is read, and where the arrow keys lead. */

import type { Outline, OutlineStep, StepList } from "@/builder/document/outline";

/** A line of the list that a screen reader reads. */
export interface ReadingLine {
  /** The key of the card. */
  readonly key: string;
  readonly type: "entry" | "rule" | "item" | "way";
  /** How many ways it stands inside, from 1. */
  readonly level: number;
  /** Its place among the lines of its level under the same card, from 1, and how many there are. */
  readonly position: number;
  readonly size: number;
}

/** The cards that the arrow keys lead to from a card; null where there is none. */
export interface Neighbours {
  /** The next and the previous card of the same line of steps. */
  readonly next: string | null;
  readonly previous: string | null;
  /** The first lane of a branch, or the first step of a lane. */
  readonly into: string | null;
  /** The lane that a step stands in, or the branch of a lane. */
  readonly out: string | null;
  /** The lanes beside this one, or beside the one that a step stands in. */
  readonly left: string | null;
  readonly right: string | null;
}

/** The whole journey as a list: entry, goal, steps with their lanes, exits with their steps. */
export interface ReadingOrder {
  readonly lines: readonly ReadingLine[];
  readonly neighbours: ReadonlyMap<string, Neighbours>;
}

type Open = { -readonly [Key in keyof Neighbours]: Neighbours[Key] };

const NONE: Neighbours = {
  next: null,
  previous: null,
  into: null,
  out: null,
  left: null,
  right: null,
};

/** The order in which a journey is read. */
export function readingOrder(outline: Outline): ReadingOrder {
  const order = new Order();
  const rules = [...(outline.goal === null ? [] : [outline.goal]), ...outline.exits];
  const size = outline.steps.items.length + 1 + rules.length;
  order.add("entry", "entry", 1, 1, size);
  const first = order.list(outline.steps, 1, null, 2, size);
  order.link("entry", first);
  rules.forEach((rule, index) => {
    order.add(rule.key, "rule", 1, outline.steps.items.length + 2 + index, size);
    if (rule.steps !== null) order.inside(rule.key, order.list(rule.steps, 2, rule.key));
    const before = index === 0 ? null : (rules[index - 1]?.key ?? null);
    order.link(before, rule.key);
  });
  order.beside(["entry", ...rules.map(({ key }) => key)]);
  return { lines: order.lines, neighbours: order.neighbours };
}

class Order {
  readonly lines: ReadingLine[] = [];
  readonly neighbours = new Map<string, Open>();

  add(key: string, type: ReadingLine["type"], level: number, position: number, size: number): Open {
    this.lines.push({ key, type, level, position, size });
    const made = { ...NONE };
    this.neighbours.set(key, made);
    return made;
  }

  /** `below` follows `above`. */
  link(above: string | null, below: string | null): void {
    const upper = above === null ? undefined : this.neighbours.get(above);
    const lower = below === null ? undefined : this.neighbours.get(below);
    if (upper !== undefined) upper.next = below;
    if (lower !== undefined) lower.previous = above;
  }

  inside(around: string, first: string | null): void {
    const outer = this.neighbours.get(around);
    if (outer !== undefined) outer.into = first;
  }

  /** These stand side by side, from left to right. */
  beside(keys: readonly string[]): void {
    keys.forEach((key, index) => {
      const each = this.neighbours.get(key);
      if (each === undefined) return;
      each.left = keys[index - 1] ?? null;
      each.right = keys[index + 1] ?? null;
    });
  }

  /** Adds the cards of a list, and gives the first one. */
  list(
    list: StepList,
    level: number,
    around: string | null,
    start = 1,
    size = list.items.length,
  ): string | null {
    let previous: string | null = null;
    list.items.forEach((item, index) => {
      const made = this.add(item.key, "item", level, start + index, size);
      made.out = around;
      this.link(previous, item.key);
      previous = item.key;
      if (item.type === "step") this.ways(item, level + 1);
    });
    return list.items[0]?.key ?? null;
  }

  private ways(step: OutlineStep, level: number): void {
    const keys = step.ways.map(({ key }) => key);
    step.ways.forEach((way, index) => {
      const made = this.add(way.key, "way", level, index + 1, keys.length);
      made.out = step.key;
      if (way.steps === null) return;
      const first = this.list(way.steps, level + 1, way.key);
      this.inside(way.key, first);
      for (const item of way.steps.items) {
        const each = this.neighbours.get(item.key);
        if (each === undefined) continue;
        each.left = keys[index - 1] ?? null;
        each.right = keys[index + 1] ?? null;
      }
    });
    this.beside(keys);
    this.inside(step.key, keys[0] ?? null);
  }
}
