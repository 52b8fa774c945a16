/** Edits of values: settings of the journey, of a step, of a trigger or a condition. */

import { isMap, isSeq, type Node } from "yaml";
import type { Draft } from "@/builder/document/draft";
import { lineStart, linesBetween } from "@/builder/document/lines";
import { cutItems, insertPieces } from "@/builder/document/lists";
import { cutEntry, pruned, setValue } from "@/builder/document/mappings";
import {
  sameValue,
  valueAt,
  withItems,
  withoutItems,
  withoutKey,
  withValue,
} from "@/builder/document/model";
import type { TextPatch } from "@/builder/document/patches";
import { pieceOfValue } from "@/builder/document/pieces";
import { entryAt, itemPlace } from "@/builder/document/places";
import type { Path, SourceDocument } from "@/builder/document/reading";
import { asTextOnly, missing, Refused } from "@/builder/document/refusals";
import { quotingAfter, quotingOf, scalarText } from "@/builder/document/scalars";
import type { Outcome } from "@/builder/document/stepEdits";
import { isBlock, isBlockScalar, lineAfter, mapShape, reach } from "@/builder/document/structure";
import { isValueMap, type Value } from "@/builder/document/values";

function refuseShared(document: SourceDocument, path: Path): void {
  for (let depth = path.length; depth >= 0; depth--) {
    const reached = reach(document, path.slice(0, depth));
    if (reached === null) continue;
    if (reached.shared) throw new Refused({ reason: "shared", path });
    return;
  }
}

export function setAt(draft: Draft, path: Path, value: Value): Outcome {
  refuseShared(draft.document, path);
  const selection = [path];
  if (sameValue(valueAt(draft.value, path), value)) return { selection };
  draft.step(
    (document, style) => setValue(document, path, value, style),
    (root) => withValue(root, path, value),
  );
  return { selection };
}

export function unsetAt(draft: Draft, path: Path): Outcome {
  refuseShared(draft.document, path);
  const around = path.slice(0, -1);
  const left = valueAt(draft.value, around);
  if (left === undefined || valueAt(draft.value, path) === undefined) throw missing(path);
  const gone = pruned(draft.document, path, left);
  // What is left empty goes along, as long as it may be left out.
  if (gone.length < path.length) return unsetAt(draft, gone);
  if (typeof path.at(-1) === "number") {
    const { list, index } = itemPlace(path);
    draft.step(
      (document) => cutItems(document, list, [index]),
      (root) => withoutItems(root, [path]),
    );
  } else {
    draft.step(
      (document) => cutEntry(document, path),
      (root) => withoutKey(root, path),
    );
  }
  return { selection: [around] };
}

export function renameKey(draft: Draft, path: Path, key: string): Outcome {
  refuseShared(draft.document, path);
  const around = path.slice(0, -1);
  const old = path.at(-1);
  const map = valueAt(draft.value, around);
  if (typeof old !== "string" || !isValueMap(map) || !(old in map)) throw missing(path);
  const renamed = [...around, key];
  if (old === key) return { selection: [renamed] };
  if (key in map) throw new Refused({ reason: "taken", name: key });
  draft.step(
    (document, style) => {
      const node = entryAt(document, path)?.keyNode ?? null;
      const [from, to] = node?.range ?? [0, 0];
      if (node === null || isBlockScalar(node)) throw asTextOnly();
      const quoting = style.brackets ? quotingOf(node) : quotingAfter(node);
      return [{ from, to, insert: scalarText(key, quoting) }];
    },
    (root) => withValue(withoutKey(root, path), renamed, map[old] ?? null),
  );
  return { selection: [renamed] };
}

export function addItem(draft: Draft, list: Path, index: number, value: Value): Outcome {
  refuseShared(draft.document, list);
  const node = reach(draft.document, list)?.node ?? null;
  if (isMap(node)) {
    const only = valueAt(draft.value, list) ?? null;
    draft.step(
      (document) => inList(document, list),
      (root) => withValue(root, list, [only]),
    );
  } else if (node !== null && !isSeq(node) && valueAt(draft.value, list) != null) {
    const only = valueAt(draft.value, list) ?? null;
    setAt(draft, list, [only]);
  }
  draft.step(
    (document, style) =>
      insertPieces(document, { list, index }, [pieceOfValue(value, style)], style),
    (root) => withItems(root, list, index, [value]),
  );
  return { selection: [[...list, index]] };
}

/** The patches that make a list of a mapping: itself as the only item. */
function inList(document: SourceDocument, path: Path): readonly TextPatch[] {
  const { text } = document;
  const entry = entryAt(document, path);
  const node: Node | null = entry?.node ?? null;
  if (entry === null || !isMap(node)) throw asTextOnly();
  if (!isBlock(node)) {
    return [
      { from: entry.value, to: entry.value, insert: "[" },
      { from: entry.to, to: entry.to, insert: "]" },
    ];
  }
  const { inside } = mapShape(text, node);
  const start = lineStart(text, inside.from);
  const [, ...below] = linesBetween(text, start, lineAfter(text, entry.to));
  return [
    { from: inside.from, to: inside.from, insert: "- " },
    ...below
      .filter(({ kind }) => kind !== "blank")
      .map((line) => ({ from: line.from, to: line.from, insert: "  " })),
  ];
}
