/** Edits of lists as text: items put in and taken out, line by line or between brackets. */

import { isSeq, type YAMLSeq } from "yaml";
import { lineBefore } from "@/builder/document/blanks";
import { type DisabledPiece, disabledAfterEmpty, listLines } from "@/builder/document/comments";
import type { Target } from "@/builder/document/edits";
import { lineAt, lineEnd, lineStart } from "@/builder/document/lines";
import { addEntryText, entryIndent } from "@/builder/document/mappings";
import { deletions, type TextPatch } from "@/builder/document/patches";
import { joined, type Piece } from "@/builder/document/pieces";
import { entryAt, listAt } from "@/builder/document/places";
import type { Path, Range, SourceDocument } from "@/builder/document/reading";
import { missing, NeedsLines, notForThis } from "@/builder/document/refusals";
import { type Entry, lineAfter, listShape, reach } from "@/builder/document/structure";
import { flowText, indented, type Style, shifted } from "@/builder/document/writing";

/** The patches that put pieces into a list, which is written if it is missing. */
export function insertPieces(
  document: SourceDocument,
  target: Target,
  pieces: readonly Piece[],
  style: Style,
): TextPatch[] {
  const { list: path } = target;
  const reached = reach(document, path);
  const entry = entryAt(document, path);
  if (reached === null || (reached.node === null && entry === null)) {
    return insertIntoMissing(document, path, pieces, style);
  }
  const node = reached.node;
  if (!isSeq(node) && entry !== null && entry.to <= entry.colon) {
    return fillEmpty(document, path, entry, pieces, style);
  }
  const list = listAt(document, path);
  const { flow, items } = listShape(document.text, list);
  if (target.index < 0 || target.index > items.length) throw missing([...path, target.index]);
  if (!flow) return insertLines(document, list, target, pieces, style);
  const inLines = entry !== null && entryIndent(document, path.slice(0, -1)) !== null;
  if (items.length === 0 && inLines) {
    return fillEmpty(document, path, entry, pieces, style, target);
  }
  return insertFlow(document, path, list, target.index, pieces);
}

function insertLines(
  document: SourceDocument,
  list: YAMLSeq,
  target: Target,
  pieces: readonly Piece[],
  { eol }: Style,
): TextPatch[] {
  const { text } = document;
  const { column } = listShape(text, list);
  const lines = listLines(text, list);
  const at = insertionOffset(lines, target);
  const spaced = isSpaced(text, lines.items);
  const body = joined(pieces, column, spaced ? 1 : 0).join(eol);
  const before = at > 0 && text[at - 1] !== "\n" ? eol : "";
  const atEnd = at >= (lines.items.at(-1)?.to ?? 0);
  if (before !== "") return [{ from: at, to: at, insert: before + (spaced ? eol : "") + body }];
  const insert = spaced ? (atEnd ? eol + body + eol : body + eol + eol) : body + eol;
  return [{ from: at, to: at, insert }];
}

function insertionOffset(
  lines: { items: readonly Range[]; disabled: readonly DisabledPiece[] },
  { index, past }: Target,
): number {
  const disabled = lines.disabled.filter((piece) => piece.index === index);
  const below = past === undefined ? undefined : disabled[past];
  if (below !== undefined) return below.from;
  const item = lines.items[index];
  if (item !== undefined) return item.from;
  return Math.max(lines.items.at(-1)?.to ?? 0, disabled.at(-1)?.to ?? 0);
}

/** Whether blank lines stand between all items of a list. */
function isSpaced(text: string, items: readonly Range[]): boolean {
  return items.length > 1 && items.slice(1).every(({ from }) => lineBefore(text, from) !== from);
}

function insertFlow(
  document: SourceDocument,
  path: Path,
  list: YAMLSeq,
  index: number,
  pieces: readonly Piece[],
): TextPatch[] {
  const { items, inside } = listShape(document.text, list);
  const texts = pieces.map(({ flow }) => {
    if (flow === null) throw new NeedsLines(path);
    return flow;
  });
  const body = texts.join(", ");
  const next = items[index];
  const last = items.at(-1);
  if (next !== undefined) return [{ from: next.from, to: next.from, insert: `${body}, ` }];
  if (last !== undefined) return [{ from: last.to, to: last.to, insert: `, ${body}` }];
  return [{ from: inside.from, to: inside.from, insert: body }];
}

/** Writes the items of a list that has none yet, in the place of `[]` or of nothing. */
function fillEmpty(
  document: SourceDocument,
  path: Path,
  entry: Entry,
  pieces: readonly Piece[],
  style: Style,
  target?: Target,
): TextPatch[] {
  const from = anchorOf(document.text, entry)?.to ?? entry.colon;
  const to = Math.max(entry.to, from);
  const key = entryIndent(document, path.slice(0, -1));
  if (key === null) {
    const texts = pieces.map(({ flow }) => flow);
    if (texts.includes(null)) throw new NeedsLines(path);
    return [{ from, to, insert: ` [${texts.join(", ")}]` }];
  }
  const { text } = document;
  const { eol } = style;
  const disabled = disabledAfterEmpty(text, to, key).pieces;
  const column = disabled[0]?.column ?? key + style.dash;
  const body = joined(pieces, column).join(eol);
  const past = target?.past ?? disabled.length;
  const above = disabled[Math.min(past, disabled.length) - 1];
  const removed = { from, to, insert: "" };
  if (above === undefined) {
    const end = lineEnd(text, to);
    return end === to
      ? [{ ...removed, insert: eol + body }]
      : [removed, { from: end, to: end, insert: eol + body }];
  }
  const ends = text[above.to - 1] === "\n";
  return [removed, { from: above.to, to: above.to, insert: ends ? body + eol : eol + body }];
}

/** Writes a list that is not there, with what is missing around it. */
function insertIntoMissing(
  document: SourceDocument,
  path: Path,
  pieces: readonly Piece[],
  style: Style,
): TextPatch[] {
  const key = path.at(-1);
  const around = path.slice(0, -1);
  if (typeof key !== "string") throw missing(path);
  if (pieces.every(({ disabled }) => disabled)) throw notForThis(path);
  const flows = pieces.map(({ flow }) => flow);
  const name = style.brackets ? flowText(key, style.quoting) : key;
  const flow = flows.includes(null) ? null : `${name}: [${flows.join(", ")}]`;
  const inner = (column: number) =>
    joined(pieces, column + style.dash).map((line) => shifted(line, -column));
  if (reach(document, around) !== null) {
    const lines = (column: number) => [`${key}:`, ...inner(column)];
    return addEntryText(document, around, key, { lines, flow }, style);
  }
  const index = around.at(-1);
  if (typeof index !== "number") throw missing(path);
  // The way itself is missing: the `else` of a branch.
  const way: Piece = {
    lines: (column) => [`- ${key}:`, ...indented(inner(column + 2), 2)],
    flow: flow === null ? null : `{${flow}}`,
    disabled: false,
    blanks: 0,
  };
  return insertPieces(document, { list: around.slice(0, -1), index }, [way], style);
}

/** What goes with items of a list, and what is written in their place. */
export interface Cut {
  readonly ranges: readonly Range[];
  readonly written: readonly TextPatch[];
}

/** The patches that take items out of a list. A list that loses all of them becomes `[]`. */
export function cutItems(
  document: SourceDocument,
  path: Path,
  indices: readonly number[],
): TextPatch[] {
  const { ranges, written } = cutOf(document, path, indices);
  return [...written, ...deletions(ranges)];
}

/** What goes with items that are taken out of a list. */
export function cutOf(document: SourceDocument, path: Path, indices: readonly number[]): Cut {
  const { text } = document;
  const list = listAt(document, path);
  const { flow, items } = listShape(text, list);
  for (const index of indices) if (items[index] === undefined) throw missing([...path, index]);
  if (flow) return { ranges: cutFlow(text, list, indices), written: [] };
  const lines = listLines(text, list);
  const ranges = indices.flatMap((index): Range[] => {
    const item = lines.items[index];
    if (item === undefined || !item.alone) throw missing([...path, index]);
    const from = index > 0 ? lineBefore(text, item.from) : item.from;
    return [{ from, to: index > 0 ? item.to : blanksAfter(text, item.to, items.length > 1) }];
  });
  return { ranges, written: indices.length === items.length ? [emptied(document, path)] : [] };
}

/** The patch that writes `[]` after the key of a list that loses all items. */
export function emptied(document: SourceDocument, path: Path): TextPatch {
  const entry = entryAt(document, path);
  if (entry === null) throw notForThis(path);
  const at = anchorOf(document.text, entry)?.to ?? entry.colon;
  return { from: at, to: at, insert: " []" };
}

/** The anchor of a list, which stays when the list is written in another way. */
function anchorOf(text: string, entry: Entry): Range | null {
  const start = entry.node?.range?.[0] ?? entry.value;
  const [anchor] = /^&[^\s[\]{},]+/.exec(text.slice(entry.value, start)) ?? [];
  return anchor === undefined ? null : { from: entry.value, to: entry.value + anchor.length };
}

function blanksAfter(text: string, to: number, wanted: boolean): number {
  let end = to;
  while (wanted && end < text.length) {
    const line = lineAt(text, end);
    if (line.kind !== "blank") break;
    end = line.to;
  }
  return end;
}

function cutFlow(text: string, list: YAMLSeq, indices: readonly number[]): Range[] {
  const { items, inside } = listShape(text, list);
  const gone = new Set(indices);
  const kept = items.map((_, index) => index).filter((index) => !gone.has(index));
  const first = items[0];
  const last = items.at(-1);
  if (first === undefined || last === undefined) return [];
  if (kept.length === 0) {
    const plain = !/#/.test(text.slice(inside.from, first.from) + text.slice(last.to, inside.to));
    const range = plain ? inside : { from: first.from, to: last.to };
    return [range];
  }
  return [...gone].map((index): Range => {
    const item = items[index] ?? first;
    const next = items[index + 1];
    const before = items[index - 1];
    const between =
      text.slice(before?.to ?? inside.from, item.from) +
      text.slice(item.to, next?.from ?? inside.to);
    // With comments around it, an item in lines of its own goes with these lines alone.
    const start = lineStart(text, item.from);
    const after = lineAfter(text, item.to);
    const alone = text.slice(start, item.from).trim() === "";
    const rest = text.slice(item.to, after);
    if (between.includes("#") && alone && /^\s*,?\s*(?:#.*)?$/.test(rest.trimEnd())) {
      return { from: start, to: after };
    }
    // What is left after the last item that stays loses the comma before it.
    const followed = kept.some((place) => place > index);
    if (followed && next !== undefined) return { from: item.from, to: next.from };
    return { from: before?.to ?? item.from, to: item.to };
  });
}
