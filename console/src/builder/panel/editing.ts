import { createContext, useContext } from "react";
import type { Edit } from "@/builder/document/edits";
import type { Value } from "@/builder/document/values";

/** Where a value stands in a document. */
export type Path = readonly (string | number)[];

/** What the fields of a panel need to change a document. */
export interface Editing {
  /** Set the value at a path; undefined removes it, with its key. */
  set: (path: Path, value: Value | undefined) => void;
  /** Add an item to a list. */
  add: (list: Path, index: number, value: Value) => void;
  /** Make any edit; `typing` joins it with the last one. */
  change: (edit: Edit, typing?: boolean) => void;
  /** The events that begin the journey. */
  entryEvents: readonly string[];
  /** The ids of the journey's steps, to choose from. */
  steps: readonly string[];
  /** The zone in which times are seen: that of the journey. */
  timezone: string | null;
  readOnly: boolean;
}

export const EditingContext = createContext<Editing | null>(null);

export function useEditing(): Editing {
  const editing = useContext(EditingContext);
  if (editing === null) {
    throw new Error("a field is shown outside of a panel");
  }
  return editing;
}
