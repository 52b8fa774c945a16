/**
 * Layout of a journey: a pure function of its outline and of the heights of its cards.
 *
 * A line of steps runs straight down, and the first lane of a branch goes on below its card, so
 * that a line keeps its place from left to right if something is added beside it. Every other lane
 * stands to the right of the whole lane before it, and all lanes meet again below the longest.
 */

import { ENDING_KINDS } from "@/builder/document/language";
import type {
  Outline,
  OutlineItem,
  OutlineStep,
  Rule,
  StepList,
  Way,
} from "@/builder/document/outline";
import { isValueMap } from "@/builder/document/values";
import {
  type Card,
  type DropPlace,
  type Edge,
  type Heights,
  type Jump,
  type Layout,
  type Point,
  SIZES,
  type Sizes,
} from "@/builder/layout/cards";

/** The places of all cards of a journey, the edges between them and the places to drop steps. */
export function layout(outline: Outline, heights?: Heights, sizes: Sizes = SIZES): Layout {
  return new Builder(heights ?? (() => undefined), sizes).build(outline);
}

/** The open end of a line: the card that the next one hangs on. */
interface Tail {
  readonly key: string;
  readonly x: number;
  readonly y: number;
  readonly top: number;
  /** Whether a run comes out here. */
  readonly open: boolean;
}

type Shown<T> = T extends Card ? Omit<T, "x" | "y" | "width" | "height"> : never;

class Builder {
  private readonly cards: Card[] = [];
  private readonly edges: Edge[] = [];
  private readonly jumps: Jump[] = [];
  private readonly drops: DropPlace[] = [];
  private readonly targets = new Map<string, string>();
  private readonly gotos: { from: string; id: string }[] = [];
  private readonly heights: Heights;
  private readonly sizes: Sizes;

  constructor(heights: Heights, sizes: Sizes) {
    this.heights = heights;
    this.sizes = sizes;
  }

  build(outline: Outline): Layout {
    const entry = this.put({ type: "entry", key: "entry", rules: outline.entries }, 0, 0);
    this.line(outline.steps, entry, "end");
    this.rules(outline);
    for (const { from, id } of this.gotos) {
      const to = this.targets.get(id);
      if (to !== undefined) this.jumps.push({ from, to });
    }
    const { cards, edges, jumps, drops } = this;
    return { cards, edges, jumps, drops, bounds: boundsOf(cards) };
  }

  /** The goal and the exits, one below the other, left of the main line. */
  private rules(outline: Outline): void {
    const rules: Rule[] = [...(outline.goal === null ? [] : [outline.goal]), ...outline.exits];
    const widest = Math.max(0, ...rules.map((rule) => this.widthOfList(rule.steps)));
    const x = -(widest + 2 * this.sizes.beside);
    let y = 0;
    for (const rule of rules) {
      const head = this.put({ type: "rule", key: rule.key, rule }, x, y);
      const end = rule.steps === null ? head : this.line(rule.steps, head, `${rule.key}/end`);
      y = end.y + this.sizes.below;
    }
  }

  /** A whole line: its steps, and the card of its end. */
  private line(list: StepList, head: Tail, endKey: string): Tail {
    const last = this.list(list, head, endKey);
    const end = this.put({ type: "end", key: endKey, list: list.path }, head.x, this.next(last));
    this.connect(last, end);
    return end;
  }

  /** The steps of a list below `head`. `before` is the key of what follows them. */
  private list(list: StepList, head: Tail, before: string): Tail {
    let tail = head;
    let past = 0;
    for (const item of list.items) {
      this.drop(list, item.index, past, tail, item.key);
      past = item.type === "disabled" ? past + 1 : 0;
      tail = item.type === "step" ? this.step(item, tail) : this.disabled(item, tail);
    }
    this.drop(list, list.length, past, tail, before);
    return tail;
  }

  private disabled(item: OutlineItem, above: Tail): Tail {
    const card = this.put({ type: "item", key: item.key, item }, above.x, this.next(above));
    this.connect(above, card);
    return { ...card, open: above.open };
  }

  private step(item: OutlineStep, above: Tail): Tail {
    const card = this.put({ type: "item", key: item.key, item }, above.x, this.next(above));
    this.connect(above, card);
    if (item.id !== null && !this.targets.has(item.id)) this.targets.set(item.id, item.key);
    const value = isValueMap(item.value) ? item.value : {};
    if (item.kind?.kind === "goto" && typeof value.goto === "string") {
      this.gotos.push({ from: item.key, id: value.goto });
    }
    if (item.ways.length > 0) return this.lanes(item, card);
    const ends = item.kind !== null && ENDING_KINDS.has(item.kind.kind) && value.if == null;
    return { ...card, open: !ends };
  }

  /** The lanes of a branch or a split, and the point where they meet. */
  private lanes(step: OutlineStep, head: Tail): Tail {
    const join = `${step.key}/join`;
    const top = this.next(head);
    const turn = head.y + this.sizes.below / 2;
    let x = head.x;
    let bottom = head.y;
    const tails: Tail[] = [];
    for (const way of step.ways) {
      const name = this.put({ type: "way", key: way.key, way, step }, x, top);
      this.edge(head, name, turn);
      const last = this.lane(way, name, join);
      tails.push(last);
      bottom = Math.max(bottom, last.y);
      x += this.widthOfWay(way) + this.sizes.beside;
    }
    const point = this.put({ type: "join", key: join, step }, head.x, bottom + this.sizes.below);
    for (const tail of tails) if (tail.open) this.edge(tail, point, bottom + this.sizes.below / 2);
    return { ...point, open: tails.some((tail) => tail.open) };
  }

  private lane(way: Way, name: Tail, join: string): Tail {
    if (way.steps === null) return { ...name, open: way.role !== "holdout" };
    return this.list(way.steps, name, join);
  }

  private next(above: Tail): number {
    return above.y + this.sizes.below;
  }

  /** Puts a card, and gives its lower end. */
  private put(shown: Shown<Card>, x: number, y: number): Tail {
    const { width, card, way, join } = this.sizes;
    const usual = shown.type === "way" ? way : shown.type === "join" ? join : card;
    const height = shown.type === "join" ? join : (this.heights(shown.key) ?? usual);
    this.cards.push({ ...shown, x, y, width, height } as Card);
    return { key: shown.key, x, y: y + height, top: y, open: true };
  }

  private connect(above: Tail, below: Tail): void {
    if (above.open) this.edge(above, below, above.y + this.sizes.below / 2);
  }

  /** An edge that goes down, level at `turn` if it changes its lane, and down again. */
  private edge(from: Tail, to: Tail, turn: number): void {
    const middle = this.sizes.width / 2;
    const start = { x: from.x + middle, y: from.y };
    const end = { x: to.x + middle, y: to.top };
    const points: Point[] =
      start.x === end.x
        ? [start, end]
        : [start, { x: start.x, y: turn }, { x: end.x, y: turn }, end];
    this.edges.push({ key: `${from.key}→${to.key}`, from: from.key, to: to.key, points });
  }

  private drop(list: StepList, index: number, past: number, above: Tail, before: string): void {
    this.drops.push({
      key: `${above.key}→${before}`,
      list: list.path,
      index,
      past,
      x: above.x + this.sizes.width / 2,
      y: above.y + this.sizes.below / 2,
      after: above.key,
      before,
    });
  }

  private readonly widths = new Map<string, number>();

  private widthOfList(list: StepList | null): number {
    const widest = list?.items.map((item) => this.widthOfItem(item)) ?? [];
    return Math.max(this.sizes.width, ...widest);
  }

  private widthOfItem(item: OutlineItem): number {
    if (item.type === "disabled" || item.ways.length === 0) return this.sizes.width;
    const known = this.widths.get(item.key);
    if (known !== undefined) return known;
    const lanes = item.ways.map((way) => this.widthOfWay(way));
    const width = lanes.reduce((sum, lane) => sum + lane + this.sizes.beside, -this.sizes.beside);
    this.widths.set(item.key, width);
    return width;
  }

  private widthOfWay(way: Way): number {
    return this.widthOfList(way.steps);
  }
}

function boundsOf(cards: readonly Card[]): Layout["bounds"] {
  let [left, right, bottom] = [0, 0, 0];
  for (const card of cards) {
    left = Math.min(left, card.x);
    right = Math.max(right, card.x + card.width);
    bottom = Math.max(bottom, card.y + card.height);
  }
  return { left, top: 0, right, bottom };
}
