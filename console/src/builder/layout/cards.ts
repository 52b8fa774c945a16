/** What a layout is made of: cards, edges between them, and the places between them. */

import type { OutlineItem, OutlineStep, Rule, Way } from "@/builder/document/outline";
import type { Path } from "@/builder/document/reading";

/** The sizes that a layout keeps to, in pixels. */
export interface Sizes {
  /** The width of every card. */
  readonly width: number;
  /** Between one card and the next below it; edges turn in its middle. */
  readonly below: number;
  /** Between two lanes. */
  readonly beside: number;
  /** The height of a card that was not measured yet. */
  readonly card: number;
  /** The height of a lane's name, if it was not measured yet. */
  readonly way: number;
  /** The height of the point where lanes meet. */
  readonly join: number;
}

export const SIZES: Sizes = { width: 264, below: 40, beside: 32, card: 72, way: 28, join: 8 };

interface Box {
  /** Stays the same while the document is edited elsewhere. */
  readonly key: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** A card of the graph, with what it shows. */
export type Card = Box &
  (
    | { readonly type: "entry"; readonly rules: readonly Rule[] }
    | { readonly type: "rule"; readonly rule: Rule }
    | { readonly type: "item"; readonly item: OutlineItem }
    | { readonly type: "way"; readonly way: Way; readonly step: OutlineStep }
    | { readonly type: "join"; readonly step: OutlineStep }
    | { readonly type: "end"; readonly list: Path }
  );

/** A point of an edge. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** A line from one card to the next: its parts are upright or level. */
export interface Edge {
  readonly key: string;
  readonly from: string;
  readonly to: string;
  readonly points: readonly Point[];
}

/** A jump of a `goto`, which is not drawn as a line of the graph. */
export interface Jump {
  readonly from: string;
  readonly to: string;
}

/** A place where a step can be dropped or inserted: between two cards, or in an empty lane. */
export interface DropPlace {
  readonly key: string;
  /** The list that takes the step, and its place there. */
  readonly list: Path;
  readonly index: number;
  /** How many disabled steps of this `index` stand above the place. */
  readonly past: number;
  /** The middle of the place. */
  readonly x: number;
  readonly y: number;
  /** The card above it, and the one below it. */
  readonly after: string;
  readonly before: string;
}

/** Where everything stands. */
export interface Layout {
  readonly cards: readonly Card[];
  readonly edges: readonly Edge[];
  readonly jumps: readonly Jump[];
  readonly drops: readonly DropPlace[];
  /** The corners of what is shown; exits and the goal stand left of 0. */
  readonly bounds: {
    readonly left: number;
    readonly top: number;
    readonly right: number;
    readonly bottom: number;
  };
}

/** The measured height of a card, or undefined while it is not known. */
export type Heights = (key: string) => number | undefined;
