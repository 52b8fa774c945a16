/** What a journey's graph shows: its steps, the ways through them, notes, and its rules. */

import type { Note } from "@/builder/document/comments";
import type { StepKind } from "@/builder/document/language";
import { readOutline } from "@/builder/document/outlineReader";
import type { JourneyText, Path, Range } from "@/builder/document/reading";
import type { Value } from "@/builder/document/values";

/** A journey as its graph shows it. Ranges are offsets in the whole file. */
export interface Outline {
  /** The place of the journey among the documents of its file. */
  readonly document: number;
  readonly key: string | null;
  readonly name: string | null;
  readonly range: Range;
  /** The triggers that begin it. */
  readonly entries: readonly Rule[];
  /** The triggers that end it, each with the steps that run before the end. */
  readonly exits: readonly Rule[];
  readonly goal: Rule | null;
  readonly steps: StepList;
}

/** A trigger of the journey: an entry, an exit or the goal. */
export interface Rule {
  readonly type: "entry" | "exit" | "goal";
  /** Stays the same while the document is edited elsewhere. */
  readonly key: string;
  readonly path: Path;
  readonly range: Range;
  readonly value: Value;
  /** The steps of an exit; null for a rule that takes none. */
  readonly steps: StepList | null;
}

/** A list of steps: the main line, or what stands under `then` and `else`. */
export interface StepList {
  /** Where its items are, or would be if it was written. */
  readonly path: Path;
  /** Whether it is not written yet; the first step that is inserted writes it. */
  readonly missing: boolean;
  /** How many steps it has, without the disabled ones. */
  readonly length: number;
  readonly items: readonly OutlineItem[];
}

/** What stands in a list. */
export type OutlineItem = OutlineStep | DisabledStep;

/** A step, of a kind that the language has or of another one. */
export interface OutlineStep {
  readonly type: "step";
  readonly key: string;
  readonly path: Path;
  /** Its place in its list. */
  readonly index: number;
  readonly id: string | null;
  /** The kind, or null: then the card shows its text. */
  readonly kind: StepKind | null;
  /** From its first to its last character, without the note. */
  readonly range: Range;
  readonly note: Note | null;
  readonly value: Value;
  /** Its YAML, for what has no other form. */
  readonly source: string;
  /** The ways through it, for a branch or a split. */
  readonly ways: readonly Way[];
}

/** A step that is commented out. */
export interface DisabledStep {
  readonly type: "disabled";
  readonly key: string;
  /** The list in which it stands. */
  readonly list: Path;
  /** Its place among the disabled steps of the list. */
  readonly disabled: number;
  /** The place it takes once it is enabled again. */
  readonly index: number;
  readonly id: string | null;
  readonly kind: StepKind | null;
  readonly range: Range;
  readonly note: Note | null;
  readonly value: Value;
  readonly source: string;
}

/** One way through a step: a case, the `else`, an arm. */
export interface Way {
  readonly key: string;
  /** The mapping of the way, or where it would be. */
  readonly path: Path;
  readonly role: "case" | "else" | "arm" | "holdout" | "winner";
  /** The name, which is the outcome; a case without one is called by its place from 1. */
  readonly name: string;
  readonly named: boolean;
  readonly weight: number | null;
  /** The part of an arm in the weights of all arms, from 0 to 1. */
  readonly share: number | null;
  /** What has to hold, for a case. */
  readonly value: Value;
  /** Whether it is not written: the `else` of a branch that has none. */
  readonly implied: boolean;
  readonly range: Range | null;
  /** Its steps, or null for a way that takes none. */
  readonly steps: StepList | null;
}

/** The outlines of all journeys of a file. */
export function outlinesOf(file: JourneyText): readonly Outline[] {
  return file.documents.flatMap((document, index) =>
    document.kind === "journey" ? [outlineOf(file, index)] : [],
  );
}

/** The outline of the journey at this place among the documents of a file. */
export function outlineOf(file: JourneyText, index: number): Outline {
  const document = file.documents[index];
  if (document === undefined) throw new RangeError(`the file has no document ${index}`);
  return readOutline(document, index);
}
