/** Comments around the items of a list: notes of steps, steps that are commented out, the rest. */

import { isMap, isSeq, type Node, type YAMLSeq } from "yaml";
import { kindOf } from "@/builder/document/language";
import { type Line, lineAt, lineStart, linesBetween } from "@/builder/document/lines";
import { type Path, parseYaml, type Range, type SourceDocument } from "@/builder/document/reading";
import {
  entryOf,
  lineAfter,
  listShape,
  mapShape,
  reach,
  resolved,
} from "@/builder/document/structure";

/** A run of comment lines, with its text. */
export interface Note extends Range {
  readonly text: string;
}

/** A step that is commented out. */
export interface DisabledPiece extends Range {
  /** The comment before it. */
  readonly note: Note | null;
  /** Its YAML as an item of a list, as it stands once it is enabled again. */
  readonly source: string;
  /** The place in the list that it takes once it is enabled again. */
  readonly index: number;
  /** The column of its dash. */
  readonly column: number;
}

/** The lines of an item: from its note, or its dash, to the last line that belongs to it. */
export interface ItemLines extends Range {
  readonly note: Note | null;
  /** Where the line of the dash begins. */
  readonly head: number;
  /** Whether the dash stands first in its line. */
  readonly alone: boolean;
}

/** The lines of a list without brackets. */
export interface ListLines {
  readonly items: readonly ItemLines[];
  readonly disabled: readonly DisabledPiece[];
  /** Where the lines of the list begin: with the comments before the first item. */
  readonly from: number;
  /** After the last line of the list, comments after the last item included. */
  readonly to: number;
}

const linesOfLists = new WeakMap<YAMLSeq, ListLines>();

/** The lines of a list without brackets and of the comments around its items. */
export function listLines(text: string, list: YAMLSeq): ListLines {
  const known = linesOfLists.get(list);
  if (known !== undefined) return known;
  const { column, items } = listShape(text, list);
  const made: ItemLines[] = [];
  const disabled: DisabledPiece[] = [];
  let begins = 0;
  let before = -1;
  items.forEach((item, index) => {
    const head = lineStart(text, item.from);
    const start = before < 0 ? commentsAbove(text, head) : Math.min(before, head);
    if (index === 0) begins = start;
    const pieces = readPieces(linesBetween(text, start, head), index, true);
    disabled.push(...pieces.disabled);
    const alone = text.slice(head, item.from).trim() === "";
    const end = lastComment(text, lineAfter(text, item.to), column + 1);
    made.push({ note: pieces.note, from: pieces.note?.from ?? head, head, alone, to: end });
    before = end;
  });
  const end = before < 0 ? -1 : lastComment(text, before, column);
  if (end > before) {
    disabled.push(...readPieces(linesBetween(text, before, end), items.length, false).disabled);
  }
  const lines = { items: made, disabled, from: begins, to: Math.max(end, before) };
  linesOfLists.set(list, lines);
  return lines;
}

/** The disabled steps below the line of an empty list, whose key stands in this column. */
export function disabledAfterEmpty(
  text: string,
  to: number,
  column: number,
): { pieces: readonly DisabledPiece[]; to: number } {
  const start = lineAfter(text, to);
  // A comment in the column of the key is as likely to be about what follows.
  const deeper = lastComment(text, start, column + 1);
  const level = readPieces(linesBetween(text, start, lastComment(text, start, column)), 0, false);
  const pieces = level.disabled.filter((piece) => piece.from < deeper || piece.column === column);
  return { pieces, to: Math.max(deeper, pieces.at(-1)?.to ?? start) };
}

/** The disabled steps of a list, or of the place where it would be. */
export function disabledIn(document: SourceDocument, path: Path): readonly DisabledPiece[] {
  const list = resolved(document, reach(document, path)?.node ?? null);
  if (!isSeq(list)) return [];
  const { flow, items } = listShape(document.text, list);
  if (!flow) return listLines(document.text, list).disabled;
  const around = reach(document, path.slice(0, -1))?.node ?? null;
  if (items.length > 0 || !isMap(around) || around.flow === true) return [];
  const entry = entryOf(document.text, around, String(path.at(-1)));
  const { column } = mapShape(document.text, around);
  return entry === null ? [] : disabledAfterEmpty(document.text, entry.to, column).pieces;
}

/** Where the comments and blank lines right above a line begin. */
function commentsAbove(text: string, head: number): number {
  let from = head;
  while (from > 0) {
    const above = lineAt(text, lineStart(text, from - 1));
    if (above.kind === "content" || above.from === 0) break;
    from = above.from;
  }
  return from;
}

/** After the last comment from `from` on that is indented at least so far, with nothing else before. */
export function lastComment(text: string, from: number, indent: number): number {
  let end = from;
  for (let at = from; at < text.length; ) {
    const line = lineAt(text, at);
    if (line.kind === "content" || (line.kind === "comment" && line.indent < indent)) break;
    if (line.kind === "comment") end = line.to;
    at = line.to;
  }
  return end;
}

interface Pieces {
  readonly note: Note | null;
  readonly disabled: readonly DisabledPiece[];
}

/** Sorts the lines before an item, or after the last one, into notes and disabled steps. */
function readPieces(lines: readonly Line[], index: number, beforeItem: boolean): Pieces {
  const disabled: DisabledPiece[] = [];
  let pending: Line[] = [];
  for (let at = 0; at < lines.length; ) {
    const line = lines[at];
    if (line === undefined) break;
    if (line.kind !== "comment") {
      pending = [];
      at++;
      continue;
    }
    const step = disabledAt(lines, at);
    if (step === null) {
      pending.push(line);
      at++;
      continue;
    }
    const last = lines[at + step.count - 1] ?? line;
    const note = noteOf(pending);
    const from = note?.from ?? line.from;
    disabled.push({ from, to: last.to, note, source: step.source, index, column: line.indent });
    pending = [];
    at += step.count;
  }
  return { note: beforeItem ? noteOf(pending) : null, disabled };
}

function noteOf(lines: readonly Line[]): Note | null {
  const first = lines[0];
  const last = lines.at(-1);
  if (first === undefined || last === undefined) return null;
  return { from: first.from, to: last.to, text: lines.map(noteText).join("\n") };
}

function noteText(line: Line): string {
  return line.content.trim().replace(/^# ?/, "");
}

/** A line that was commented out, as it was before. */
export function uncomment(content: string): string {
  return content.replace(/^(\s*)#$/, "").replace(/^(\s*)# ?/, "$1");
}

/** A line commented out at this column, so that `uncomment` gives it back byte for byte. */
export function commentOut(content: string, column: number): string {
  if (content === "") return `${" ".repeat(column)}#`;
  const indent = content.length - content.trimStart().length;
  const at = Math.min(indent, column);
  return `${content.slice(0, at)}# ${content.slice(at)}`;
}

/** The disabled step whose first line is the line `at`, or null. */
function disabledAt(lines: readonly Line[], at: number): { count: number; source: string } | null {
  const first = lines[at];
  if (first === undefined) return null;
  const opening = uncomment(first.content);
  const column = opening.length - opening.trimStart().length;
  if (!/^\s*-(?:\s|$)/.test(opening)) return null;
  const inside = [opening];
  for (let next = at + 1; next < lines.length; next++) {
    const line = lines[next];
    if (line === undefined || line.kind !== "comment") break;
    const content = uncomment(line.content);
    const trimmed = content.trimStart();
    const deeper = content.length - trimmed.length > column;
    if (trimmed !== "" && !trimmed.startsWith("#") && !deeper) break;
    inside.push(content);
  }
  while (/^\s*$/.test(inside.at(-1) ?? "x")) inside.pop();
  const source = inside.join("\n");
  return readDisabled(source) === null ? null : { count: inside.length, source };
}

/** A disabled step, read as a document of its own. */
export interface DisabledReading {
  readonly document: SourceDocument;
  readonly node: Node;
  readonly keys: readonly string[];
}

const readingsOfDisabled = new Map<string, DisabledReading | null>();
const KEPT_READINGS = 2000;

/** The mapping of a disabled step, or null if the text is no step. */
export function readDisabled(source: string): DisabledReading | null {
  const known = readingsOfDisabled.get(source);
  if (known !== undefined) return known;
  const made = readStep(`${source}\n`);
  if (readingsOfDisabled.size >= KEPT_READINGS) readingsOfDisabled.clear();
  readingsOfDisabled.set(source, made);
  return made;
}

function readStep(text: string): DisabledReading | null {
  const [tree, ...more] = parseYaml(text);
  if (tree === undefined || more.length > 0 || tree.errors.length > 0) return null;
  const list: unknown = tree.contents;
  if (!isSeq(list)) return null;
  const items = listShape(text, list).items;
  const node = items[0]?.node ?? null;
  if (items.length !== 1 || !isMap(node)) return null;
  const keys = mapShape(text, node).entries.map(({ key }) => key);
  if (!keys.includes("id") && kindOf(keys) === null) return null;
  return {
    document: { text, from: 0, kind: null, key: null, tree, aliases: new Map(), problems: [] },
    node,
    keys,
  };
}
