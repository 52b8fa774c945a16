/** Patches of a text: small replacements, from which every edit and every undo is made. */

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
