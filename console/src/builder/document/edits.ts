/** The edits of a journey: what one can ask for, and what comes of it. */

import type { TextPatch } from "@/builder/document/patches";
import type { Path } from "@/builder/document/reading";
import type { Value, ValueMap } from "@/builder/document/values";

/** A step that is commented out: its place among those of its list, from 0. */
export interface DisabledPlace {
  readonly list: Path;
  readonly disabled: number;
}

/** A step by its path, or a disabled one by its place. */
export type StepPlace = Path | DisabledPlace;

/** Where steps come to stand: a drop place of the layout is one. */
export interface Target {
  /** The list, which is written if it is not there yet. */
  readonly list: Path;
  /** Before the step that has this index now. */
  readonly index: number;
  /** How many of the disabled steps before that step stay above; all, if left out. */
  readonly past?: number;
}

/** One edit. All of them are plain JSON. */
export type Edit =
  | { readonly edit: "insert"; readonly target: Target; readonly steps: readonly ValueMap[] }
  | { readonly edit: "paste"; readonly target: Target; readonly text: string }
  | { readonly edit: "delete"; readonly steps: readonly StepPlace[] }
  | { readonly edit: "move"; readonly steps: readonly StepPlace[]; readonly target: Target }
  | { readonly edit: "duplicate"; readonly steps: readonly Path[] }
  /** Puts neighbouring steps into the first way of a new branch or split. */
  | { readonly edit: "wrap"; readonly steps: readonly Path[]; readonly around: ValueMap }
  /** Puts the steps of one way, or of all, in the place of a branch or split. */
  | { readonly edit: "unwrap"; readonly step: Path; readonly way: number | "all" }
  | {
      readonly edit: "add-way";
      readonly step: Path;
      readonly index?: number;
      readonly way: ValueMap;
    }
  | { readonly edit: "remove-way"; readonly way: Path }
  /** Renames a case or an arm, and its name in conditions. */
  | { readonly edit: "rename-way"; readonly way: Path; readonly name: string }
  /** Renames a way as `rename-way` does, and gives an arm a weight, in one step. */
  | {
      readonly edit: "change-way";
      readonly way: Path;
      readonly name: string;
      readonly weight: number | null;
    }
  /** Renames a step, and all references to it. */
  | { readonly edit: "rename-step"; readonly step: Path; readonly id: string }
  /** Writes a value; mappings around it that are missing are written too. */
  | { readonly edit: "set"; readonly path: Path; readonly value: Value }
  /** Takes a key with its value, or an item of a list, out. */
  | { readonly edit: "unset"; readonly path: Path }
  /** Gives a key of a mapping another name; its value and its place stay. */
  | { readonly edit: "rename-key"; readonly path: Path; readonly key: string }
  /** Adds an item to a list that is no list of steps: a trigger, a condition, a day. */
  | {
      readonly edit: "add-item";
      readonly list: Path;
      readonly index: number;
      readonly value: Value;
    }
  /** Gives an item another place in its list: a way, a trigger, a step. */
  | { readonly edit: "reorder"; readonly path: Path; readonly index: number }
  | { readonly edit: "disable"; readonly steps: readonly Path[] }
  | { readonly edit: "enable"; readonly step: DisabledPlace }
  /** Writes the note before a step; an empty one takes it away. */
  | { readonly edit: "note"; readonly step: StepPlace; readonly text: string }
  /** Several edits, one after the other: all of them are made, or none. */
  | { readonly edit: "several"; readonly edits: readonly Edit[] };

/** Why an edit is not made. The console has words for each. */
export type Refusal =
  /** The text cannot be read; its problems say where. */
  | { readonly reason: "unreadable" }
  /** There is nothing at this path. */
  | { readonly reason: "missing"; readonly path: Path }
  /** The path leads to something that the edit is not for. */
  | { readonly reason: "not-for-this"; readonly path: Path }
  /** The value is shared with other places by an alias: it can be changed as text only. */
  | { readonly reason: "shared"; readonly path: Path }
  /** Steps cannot be moved into themselves. */
  | { readonly reason: "into-itself"; readonly path: Path }
  /** These steps do not stand one after the other in one list. */
  | { readonly reason: "apart" }
  /** The id or name is taken. */
  | { readonly reason: "taken"; readonly name: string }
  /** The id or name is empty, or one that the language keeps for itself. */
  | { readonly reason: "bad-name"; readonly name: string }
  /** A branch keeps one case, a split two arms. */
  | { readonly reason: "last-way" }
  /** The pasted text is no list of steps. */
  | { readonly reason: "no-steps"; readonly message: string }
  /** The text is written in a way that this edit cannot keep; it can be made as text. */
  | { readonly reason: "as-text-only" };

/** What an edit makes of a file, or why it is refused. */
export type EditResult =
  | {
      readonly ok: true;
      readonly text: string;
      /** From the text before to `text`, by offsets of the whole file. */
      readonly patches: readonly TextPatch[];
      /** What is selected afterwards: paths in the same document. */
      readonly selection: readonly Path[];
      /** Ids that changed: of a renamed step, of pasted and duplicated ones. */
      readonly renamed: ReadonlyMap<string, string>;
    }
  | { readonly ok: false; readonly refusal: Refusal };
