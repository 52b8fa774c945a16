/** Steps and ways as text on their way from one place to another. */

import { isCollection } from "yaml";
import { lineBefore } from "@/builder/document/blanks";
import { disabledIn, listLines } from "@/builder/document/comments";
import { lineStart } from "@/builder/document/lines";
import { listAt } from "@/builder/document/places";
import type { Path, SourceDocument } from "@/builder/document/reading";
import { missing } from "@/builder/document/refusals";
import { listShape } from "@/builder/document/structure";
import type { Value } from "@/builder/document/values";
import { flowText, indented, itemLines, type Style, shifted } from "@/builder/document/writing";

/** An item of a list as text. */
export interface Piece {
  /** Its lines as an item of a list whose dashes stand in `column`, without that indentation. */
  readonly lines: (column: number) => readonly string[];
  /** Its text inside brackets, or null if it has comments or needs several lines. */
  readonly flow: string | null;
  /** Whether it is all comments: a disabled step. */
  readonly disabled: boolean;
  /** How many blank lines stood before it. */
  readonly blanks: number;
}

/** The lines of several pieces, for dashes in this column, with their indentation. */
export function joined(pieces: readonly Piece[], column: number, blanks = 0): readonly string[] {
  return pieces.flatMap((piece, place) => {
    const empty = place === 0 ? 0 : Math.max(piece.blanks, blanks);
    return [...Array<string>(empty).fill(""), ...indented(piece.lines(column), column)];
  });
}

/** A value as an item that is written for the first time. */
export function pieceOfValue(value: Value, style: Style): Piece {
  const lines = (column: number) => itemLines(value, style, column);
  const inBrackets = style.brackets || lines(0).length === 1;
  const flow = inBrackets ? flowText(value, style.quoting) : null;
  return { lines, flow, disabled: false, blanks: 0 };
}

/** An item of a list, with its note and the comments inside it. */
export function pieceOfItem(document: SourceDocument, list: Path, index: number): Piece {
  const { text } = document;
  const node = listAt(document, list);
  const { flow, column, items } = listShape(text, node);
  const item = items[index];
  if (item === undefined) throw missing([...list, index]);
  const inner = text.slice(item.value, item.to);
  if (flow) {
    const start = item.value - lineStart(text, item.value);
    const [first = "", ...rest] = splitLines(inner);
    const lines = [`- ${first}`, ...rest.map((line) => shifted(line, 2 - start))];
    return { lines: () => lines, flow: inner, disabled: false, blanks: 0 };
  }
  const place = listLines(text, node).items[index];
  if (place === undefined || !place.alone) throw missing([...list, index]);
  const lines = cutLines(text, place.from, place.to, column);
  const blanks =
    index === 0 ? 0 : splitLines(text.slice(lineBefore(text, place.from), place.from)).length - 1;
  const single = lines.length === 1 && lines[0] === `- ${inner}`;
  const bracketed = isCollection(item.node) && item.node.flow === true;
  return { lines: () => lines, flow: single && bracketed ? inner : null, disabled: false, blanks };
}

/** A disabled step, with its note. */
export function pieceOfDisabled(document: SourceDocument, list: Path, place: number): Piece {
  const found = disabledIn(document, list)[place];
  if (found === undefined) throw missing([...list, place]);
  const lines = cutLines(document.text, found.from, found.to, found.column);
  return { lines: () => lines, flow: null, disabled: true, blanks: 0 };
}

/** The lines between two offsets, moved to the left by `column`. */
export function cutLines(text: string, from: number, to: number, column: number): string[] {
  const lines = splitLines(text.slice(from, to));
  if (lines.at(-1) === "") lines.pop();
  return lines.map((line) => shifted(line, -column));
}

/** The lines of a text, without their breaks. */
export function splitLines(text: string): string[] {
  return text.split(/\r?\n/);
}
