/** Edits that rename a step everywhere. */

import type { Draft } from "@/builder/document/draft";
import { isId } from "@/builder/document/language";
import { renameInTemplate } from "@/builder/document/liquid";
import { setValue } from "@/builder/document/mappings";
import { withValue } from "@/builder/document/model";
import type { TextPatch } from "@/builder/document/patches";
import { mapAt, samePath } from "@/builder/document/places";
import type { Path } from "@/builder/document/reading";
import { type Renaming, renamePatches, stepsIn, templatesOf } from "@/builder/document/references";
import { missing, Refused } from "@/builder/document/refusals";
import type { Outcome } from "@/builder/document/stepEdits";
import { entryOf } from "@/builder/document/structure";
import { isValueMap, type Value } from "@/builder/document/values";

/** Whether two values differ in nothing but names that are renamed. */
export function onlyRenamed(before: Value, after: Value, renaming: Renaming): boolean {
  if (before === after) return true;
  if (Array.isArray(before) && Array.isArray(after)) {
    return (
      before.length === after.length &&
      before.every((item, index) => onlyRenamed(item, after[index], renaming))
    );
  }
  if (isValueMap(before) && isValueMap(after)) {
    const keys = Object.keys(before);
    return (
      keys.length === Object.keys(after).length &&
      keys.every((key) => onlyRenamed(before[key] ?? null, after[key] ?? null, renaming))
    );
  }
  if (typeof after !== "string") return false;
  const text = String(before);
  return renaming.get(text) === after || renameInTemplate(text, renaming) === after;
}

export function renameStep(draft: Draft, path: Path, id: string): Outcome {
  const { document } = draft;
  const selection = [path];
  const map = mapAt(document, path);
  if (!isId(id)) throw new Refused({ reason: "bad-name", name: id });
  const steps = stepsIn(document);
  const own = steps.find((step) => samePath(step.path, path));
  if (entryOf(document.text, map, "id") !== null && own === undefined) throw missing(path);
  if (own?.id === id) return { selection };
  if (steps.some((step) => step.id === id)) throw new Refused({ reason: "taken", name: id });
  const several = own !== undefined && steps.filter((step) => step.id === own.id).length > 1;
  if (own === undefined || several) {
    // References to an id that two steps have may mean the other one.
    draft.step(
      (source, style) => setValue(source, [...path, "id"], id, style),
      (value) => withValue(value, [...path, "id"], id),
    );
    return { selection };
  }
  const renaming = new Map([[own.id, id]]);
  const changes: [number, readonly TextPatch[]][] = [
    [draft.index, renamePatches(document, renaming, true)],
  ];
  for (const index of ownTemplates(draft)) {
    const template = draft.file.documents[index];
    if (template === undefined) continue;
    changes.push([index, renamePatches(template, renaming, false)]);
  }
  draft.commit(changes, (_, value, before) => onlyRenamed(before, value, renaming));
  return { selection, renamed: renaming };
}

/** The templates of the file that this journey sends, and no other journey of the file. */
function ownTemplates(draft: Draft): readonly number[] {
  const { documents } = draft.file;
  const own = templatesOf(draft.document);
  for (const [index, document] of documents.entries()) {
    if (index === draft.index || document.kind !== "journey") continue;
    for (const key of templatesOf(document)) (own as Set<string>).delete(key);
  }
  return documents.flatMap((document, index) =>
    document.kind === "template" && document.key !== null && own.has(document.key) ? [index] : [],
  );
}
