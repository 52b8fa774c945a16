/** Makes an edit of a journey: the new text and the patches to it, or the reason why not. */

import { Draft } from "@/builder/document/draft";
import type { Edit, EditResult } from "@/builder/document/edits";
import { disableSteps, enableStep, writeNote } from "@/builder/document/noteEdits";
import type { JourneyText } from "@/builder/document/reading";
import { NeedsLines, Refused } from "@/builder/document/refusals";
import { renameStep } from "@/builder/document/renaming";
import {
  deleteSteps,
  duplicateSteps,
  insertSteps,
  moveSteps,
  type Outcome,
  pasteSteps,
  unwrapStep,
  wrapSteps,
} from "@/builder/document/stepEdits";
import { addItem, renameKey, setAt, unsetAt } from "@/builder/document/valueEdits";
import { addWay, changeWay, removeWay, renameWay, reorder } from "@/builder/document/wayEdits";

/** Applies an edit to the document at this place of a file. */
export function applyEdit(file: JourneyText, document: number, edit: Edit): EditResult {
  try {
    const draft = new Draft(file, document);
    const { selection, renamed } = make(draft, edit);
    return {
      ok: true,
      text: draft.file.text,
      patches: draft.patches,
      selection,
      renamed: renamed ?? new Map(),
    };
  } catch (error) {
    if (error instanceof Refused) return { ok: false, refusal: error.refusal };
    if (error instanceof NeedsLines) return { ok: false, refusal: { reason: "as-text-only" } };
    throw error;
  }
}

function make(draft: Draft, edit: Edit): Outcome {
  switch (edit.edit) {
    case "insert":
      return insertSteps(draft, edit.target, edit.steps);
    case "paste":
      return pasteSteps(draft, edit.target, edit.text);
    case "delete":
      return deleteSteps(draft, edit.steps);
    case "move":
      return moveSteps(draft, edit.steps, edit.target);
    case "duplicate":
      return duplicateSteps(draft, edit.steps);
    case "wrap":
      return wrapSteps(draft, edit.steps, edit.around);
    case "unwrap":
      return unwrapStep(draft, edit.step, edit.way);
    case "add-way":
      return addWay(draft, edit.step, edit.way, edit.index);
    case "remove-way":
      return removeWay(draft, edit.way);
    case "rename-way":
      return renameWay(draft, edit.way, edit.name);
    case "change-way":
      return changeWay(draft, edit.way, edit.name, edit.weight);
    case "rename-step":
      return renameStep(draft, edit.step, edit.id);
    case "reorder":
      return reorder(draft, edit.path, edit.index);
    case "set":
      return setAt(draft, edit.path, edit.value);
    case "unset":
      return unsetAt(draft, edit.path);
    case "rename-key":
      return renameKey(draft, edit.path, edit.key);
    case "add-item":
      return addItem(draft, edit.list, edit.index, edit.value);
    case "disable":
      return disableSteps(draft, edit.steps);
    case "enable":
      return enableStep(draft, edit.step);
    case "note":
      return writeNote(draft, edit.step, edit.text);
    case "several":
      return edit.edits.reduce<Outcome>((_, each) => make(draft, each), { selection: [] });
  }
}
