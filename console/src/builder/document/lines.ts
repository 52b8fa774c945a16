/** Lines of a text: where they begin and end, how far they are indented, what they are. */

import type { Range } from "@/builder/document/reading";

/** Where the line of `offset` begins. */
export function lineStart(text: string, offset: number): number {
  return text.lastIndexOf("\n", offset - 1) + 1;
}

/** Where the line of `offset` ends, before its line break. */
export function lineEnd(text: string, offset: number): number {
  const found = text.indexOf("\n", offset);
  if (found < 0) return text.length;
  return found > offset && text[found - 1] === "\r" ? found - 1 : found;
}

/** Where the line after that of `offset` begins, or the end of the text. */
export function nextLine(text: string, offset: number): number {
  const found = text.indexOf("\n", offset);
  return found < 0 ? text.length : found + 1;
}

/** The line break that a text uses most, for lines that are added. */
export function lineBreak(text: string): string {
  const first = text.indexOf("\n");
  return first > 0 && text[first - 1] === "\r" ? "\r\n" : "\n";
}

/** What a line is, as far as comments go. */
export interface Line extends Range {
  /** The line without its break. */
  readonly content: string;
  /** How many characters stand before the first one that is no space. */
  readonly indent: number;
  readonly kind: "blank" | "comment" | "content";
}

/** The line that begins at `from`. `to` is where the next one begins. */
export function lineAt(text: string, from: number): Line {
  const end = lineEnd(text, from);
  const content = text.slice(from, end);
  const indent = content.length - content.trimStart().length;
  const first = content[indent];
  const kind = first === undefined ? "blank" : first === "#" ? "comment" : "content";
  return { from, to: nextLine(text, from), content, indent, kind };
}

/** All lines between two offsets that are beginnings of lines. */
export function linesBetween(text: string, from: number, to: number): Line[] {
  const lines: Line[] = [];
  for (let at = from; at < to; ) {
    const line = lineAt(text, at);
    lines.push(line);
    at = line.to;
  }
  return lines;
}

/** The text between the markers of documents. A marker in the first column always ends one. */
export function splitDocuments(text: string): Range[] {
  const chunks: Range[] = [];
  let from = 0;
  for (const marker of text.matchAll(/^---(?=\s|$)/gm)) {
    chunks.push({ from, to: marker.index });
    from = marker.index + 3;
  }
  chunks.push({ from, to: text.length });
  return chunks;
}

/** Line and column of an offset, from 1. */
export function positionOf(text: string, offset: number): { line: number; column: number } {
  const start = lineStart(text, offset);
  let line = 1;
  for (let at = text.indexOf("\n"); at >= 0 && at < start; at = text.indexOf("\n", at + 1)) line++;
  return { line, column: offset - start + 1 };
}

/** The offset of a line and column that count from 1, inside the text. */
export function offsetOf(text: string, line: number, column: number): number {
  let start = 0;
  for (let left = line - 1; left > 0; left--) {
    const next = text.indexOf("\n", start);
    if (next < 0) break;
    start = next + 1;
  }
  return Math.min(start + Math.max(column - 1, 0), lineEnd(text, start));
}
