/** Patches of a text: small replacements, from which every edit and every undo is made. */

import type { Range } from "@/builder/document/reading";

/** Replaces the text from `from` to `to`. CodeMirror's changes have the same shape. */
export interface TextPatch {
  readonly from: number;
  readonly to: number;
  readonly insert: string;
}

/** Patches in the order of the text. They must not overlap. */
export function sorted(patches: readonly TextPatch[]): readonly TextPatch[] {
  const ordered = [...patches].sort((one, other) => one.from - other.from || one.to - other.to);
  ordered.forEach((patch, index) => {
    const before = ordered[index - 1];
    if (before !== undefined && before.to > patch.from) throw new RangeError("patches overlap");
  });
  return ordered;
}

/** Ranges as patches, those that touch or overlap as one. */
export function deletions(ranges: readonly Range[]): TextPatch[] {
  const merged: { from: number; to: number }[] = [];
  for (const { from, to } of [...ranges].sort((one, other) => one.from - other.from)) {
    const last = merged.at(-1);
    if (last !== undefined && from <= last.to) last.to = Math.max(last.to, to);
    else merged.push({ from, to });
  }
  return merged.map(({ from, to }) => ({ from, to, insert: "" }));
}

/** Patches after which a text without a line break at its end has none there either. */
export function keepingEnd(text: string, patches: readonly TextPatch[]): readonly TextPatch[] {
  if (text === "" || text.endsWith("\n")) return patches;
  const after = applyPatches(text, patches);
  const [ending] = /(?:\r?\n)+$/.exec(after) ?? [];
  if (ending === undefined) return patches;
  const end = { from: after.length - ending.length, to: after.length, insert: "" };
  return composed(text.length, patches, [end]);
}

/** Deletions and insertions of one edit, a deletion being split where something is put into it. */
export function mixed(
  deleted: readonly TextPatch[],
  inserted: readonly TextPatch[],
): readonly TextPatch[] {
  const points = inserted.filter(({ from, to }) => from === to).map(({ from }) => from);
  const split = deleted.flatMap((patch) => {
    const inside = points.filter((point) => patch.from < point && point < patch.to);
    const cuts = [patch.from, ...new Set(inside.sort((one, other) => one - other)), patch.to];
    return cuts.slice(1).map((to, index) => ({
      from: cuts[index] ?? to,
      to,
      insert: index === 0 ? patch.insert : "",
    }));
  });
  return sorted([...split, ...inserted]);
}

/** The text with the patches applied; their offsets are those of the text before. */
export function applyPatches(text: string, patches: readonly TextPatch[]): string {
  const parts: string[] = [];
  let at = 0;
  for (const { from, to, insert } of sorted(patches)) {
    parts.push(text.slice(at, from), insert);
    at = to;
  }
  parts.push(text.slice(at));
  return parts.join("");
}

/** The patches that bring back `text` from what `patches` make of it. */
export function inverse(text: string, patches: readonly TextPatch[]): readonly TextPatch[] {
  let shift = 0;
  return sorted(patches).map(({ from, to, insert }) => {
    const start = from + shift;
    shift += insert.length - (to - from);
    return { from: start, to: start + insert.length, insert: text.slice(from, to) };
  });
}

/** The smallest single patch that makes `after` of `before`; null if they are equal. */
export function difference(before: string, after: string): TextPatch | null {
  if (before === after) return null;
  const shorter = Math.min(before.length, after.length);
  let from = 0;
  while (from < shorter && before[from] === after[from]) from++;
  let same = 0;
  while (
    same < shorter - from &&
    before[before.length - 1 - same] === after[after.length - 1 - same]
  ) {
    same++;
  }
  return { from, to: before.length - same, insert: after.slice(from, after.length - same) };
}

/** Where an offset of the text before stands after the patches. */
export function moved(offset: number, patches: readonly TextPatch[]): number {
  let shift = 0;
  for (const { from, to, insert } of sorted(patches)) {
    if (offset < from) break;
    if (offset < to) return from + shift + Math.min(offset - from, insert.length);
    shift += insert.length - (to - from);
  }
  return offset + shift;
}

type Run = { readonly from: number; readonly to: number } | { readonly insert: string };

/** One list of patches in the place of two, the second of which goes on from the first. */
export function composed(
  length: number,
  first: readonly TextPatch[],
  second: readonly TextPatch[],
): readonly TextPatch[] {
  if (first.length === 0) return second;
  if (second.length === 0) return first;
  const middle = runsOf(length, first);
  const size = middle.reduce((sum, run) => sum + sizeOf(run), 0);
  const runs = runsOf(size, second).flatMap((run) =>
    "insert" in run ? [run] : slice(middle, run.from, run.to),
  );
  return patchesOf(length, runs);
}

function sizeOf(run: Run): number {
  return "insert" in run ? run.insert.length : run.to - run.from;
}

function runsOf(length: number, patches: readonly TextPatch[]): Run[] {
  const runs: Run[] = [];
  let at = 0;
  for (const { from, to, insert } of sorted(patches)) {
    runs.push({ from: at, to: from }, { insert });
    at = to;
  }
  return [...runs, { from: at, to: length }];
}

function slice(runs: readonly Run[], from: number, to: number): Run[] {
  const found: Run[] = [];
  let at = 0;
  for (const run of runs) {
    const start = Math.max(from - at, 0);
    const end = Math.min(to - at, sizeOf(run));
    if (start < end) {
      if ("insert" in run) found.push({ insert: run.insert.slice(start, end) });
      else found.push({ from: run.from + start, to: run.from + end });
    }
    at += sizeOf(run);
  }
  return found;
}

function patchesOf(length: number, runs: readonly Run[]): TextPatch[] {
  const patches: TextPatch[] = [];
  let at = 0;
  let insert = "";
  for (const run of [...runs, { from: length, to: length }]) {
    if ("insert" in run) {
      insert += run.insert;
      continue;
    }
    if (run.from === run.to && run.from !== length) continue;
    if (run.from > at || insert !== "") patches.push({ from: at, to: run.from, insert });
    at = run.to;
    insert = "";
  }
  return patches;
}
