import { createContext, useContext } from "react";
import type { Path } from "@/builder/document/reading";
import type { Value } from "@/builder/document/values";

/** What the fields of a condition need to change it. */
export interface ConditionEditing {
  /** The whole condition: paths of its parts begin here. */
  readonly value: Value;
  /** Takes the whole condition after a change; `typing` joins it with the last one. */
  readonly change: (value: Value, typing?: boolean) => void;
  /** The line that is being changed, by `lineKey` of its path; null if none is. */
  readonly open: string | null;
  readonly setOpen: (line: Path | null) => void;
  /** The steps of the journey; empty outside of one. */
  readonly steps: readonly string[];
  /** The events that begin the journey: their properties are those of the entry. */
  readonly entryEvents: readonly string[];
  readonly inJourney: boolean;
  readonly readOnly: boolean;
}

export const ConditionContext = createContext<ConditionEditing | null>(null);

export function useCondition(): ConditionEditing {
  const editing = useContext(ConditionContext);
  if (editing === null) {
    throw new Error("a part of a condition is shown outside of one");
  }
  return editing;
}

/** A path as the key of a line. */
export function lineKey(path: Path): string {
  return JSON.stringify(path);
}
