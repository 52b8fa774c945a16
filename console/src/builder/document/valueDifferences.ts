/** The small edits of a text that make one value of another: what stays is not written again. */

import type { Edit } from "@/builder/document/edits";
import { sameValue } from "@/builder/document/model";
import type { Path } from "@/builder/document/reading";
import { isValueMap, type Value, type ValueMap } from "@/builder/document/values";

/** The edits, in the order in which they are made; none if the values are the same. */
export function editsBetween(path: Path, before: Value, after: Value): readonly Edit[] {
  if (sameValue(before, after)) {
    return [];
  }
  if (isValueMap(before) && isValueMap(after)) {
    return ofMappings(path, before, after);
  }
  if (Array.isArray(before) && Array.isArray(after)) {
    return ofLists(path, before as readonly Value[], after as readonly Value[]);
  }
  return [{ edit: "set", path, value: after }];
}

function ofMappings(path: Path, before: ValueMap, after: ValueMap): readonly Edit[] {
  const gone = Object.keys(before).filter((key) => !Object.hasOwn(after, key));
  const come = Object.keys(after).filter((key) => !Object.hasOwn(before, key));
  const stays = Object.keys(before).length - gone.length;
  const [old] = gone;
  const [next] = come;
  if (gone.length === 1 && come.length === 1 && old !== undefined && next !== undefined) {
    const renamed: Edit = { edit: "rename-key", path: [...path, old], key: next };
    const inside = editsBetween([...path, next], before[old] ?? null, after[next] ?? null);
    return [renamed, ...inside, ...ofCommon(path, before, after)];
  }
  if (stays === 0) {
    // Nothing of it stays: it is written as a whole.
    return [{ edit: "set", path, value: after }];
  }
  return [
    ...gone.map((key): Edit => ({ edit: "unset", path: [...path, key] })),
    ...ofCommon(path, before, after),
    ...come.map((key): Edit => ({ edit: "set", path: [...path, key], value: after[key] ?? null })),
  ];
}

function ofCommon(path: Path, before: ValueMap, after: ValueMap): readonly Edit[] {
  return Object.entries(before).flatMap(([key, value]) =>
    Object.hasOwn(after, key) ? editsBetween([...path, key], value, after[key] ?? null) : [],
  );
}

function ofLists(path: Path, before: readonly Value[], after: readonly Value[]): readonly Edit[] {
  if (before.length === 0 || after.length === 0) {
    return [{ edit: "set", path, value: after }];
  }
  const shorter = Math.min(before.length, after.length);
  let same = 0;
  while (same < shorter && sameValue(before[same], after[same])) same++;
  let tail = 0;
  while (tail < shorter - same && sameValue(before.at(-1 - tail), after.at(-1 - tail))) tail++;
  const changed = Math.min(before.length, after.length) - same - tail;
  const edits: Edit[] = [];
  for (let place = same; place < same + changed; place++) {
    edits.push(...editsBetween([...path, place], before[place] ?? null, after[place] ?? null));
  }
  for (let place = before.length - tail - 1; place >= same + changed; place--) {
    edits.push({ edit: "unset", path: [...path, place] });
  }
  for (let place = same + changed; place < after.length - tail; place++) {
    edits.push({ edit: "add-item", list: path, index: place, value: after[place] ?? null });
  }
  return edits;
}

/** One edit that makes one value of another; null if they are the same. */
export function editBetween(
  path: Path,
  before: Value | undefined,
  after: Value | undefined,
): Edit | null {
  if (after === undefined) {
    return before === undefined ? null : { edit: "unset", path };
  }
  if (before === undefined) {
    return { edit: "set", path, value: after };
  }
  const edits = editsBetween(path, before, after);
  const [only] = edits;
  return edits.length > 1 ? { edit: "several", edits } : (only ?? null);
}
