/** Edits of mappings as text: keys put in, values written again, keys taken out. */

import { isAlias, isMap, isScalar, isSeq, type Node } from "yaml";
import { disabledAfterEmpty, lastComment, listLines } from "@/builder/document/comments";
import { keyOrder } from "@/builder/document/language";
import { lineAt, lineEnd, lineStart } from "@/builder/document/lines";
import { deletions, type TextPatch } from "@/builder/document/patches";
import { entryAt, formAt, mapAt } from "@/builder/document/places";
import type { Path, SourceDocument } from "@/builder/document/reading";
import { missing, NeedsLines, notForThis } from "@/builder/document/refusals";
import { quotingAfter, quotingOf, scalarText } from "@/builder/document/scalars";
import {
  type Entry,
  isBlockScalar,
  lineAfter,
  listShape,
  mapShape,
  reach,
} from "@/builder/document/structure";
import { isValueMap, type Value } from "@/builder/document/values";
import {
  blockLines,
  entryLines,
  flowText,
  indented,
  type Style,
  valueAfterKey,
} from "@/builder/document/writing";

/** A key with its value as text. */
export interface EntryText {
  /** Its lines, for a key in this column, without that indentation. */
  readonly lines: (column: number) => readonly string[];
  /** Its text inside brackets, or null if it needs several lines. */
  readonly flow: string | null;
}

/** The column of the keys of the mapping at a path, or null if it has brackets or is none. */
export function entryIndent(document: SourceDocument, path: Path): number | null {
  const node = reach(document, path)?.node ?? null;
  if (!isMap(node) || node.flow === true) return null;
  return mapShape(document.text, node).column;
}

/** The patches that put a new key into the mapping at a path, where the language has it. */
export function addEntryText(
  document: SourceDocument,
  path: Path,
  key: string,
  entry: EntryText,
  style: Style,
): TextPatch[] {
  const map = mapAt(document, path);
  const { flow, column, entries, inside } = mapShape(document.text, map);
  const keys = entries.map((each) => each.key);
  const place = placeOf(key, keys, keyOrder(formAt(document, path)));
  const before = entries[place - 1];
  const after = entries[place];
  if (flow) {
    const { text } = document;
    if (entry.flow === null) throw new NeedsLines(path);
    const line = lineEnd(text, inside.to) - lineStart(text, inside.to);
    const long = line + entry.flow.length > style.width + 20 && entry.flow.length > 20;
    if (long && !style.brackets) throw new NeedsLines(path);
    if (before !== undefined) return insertAt(before.to, `, ${entry.flow}`);
    if (after !== undefined) return insertAt(after.from, `${entry.flow}, `);
    return insertAt(inside.from, entry.flow);
  }
  const lines = entry.lines(column);
  const { eol } = style;
  if (before === undefined) {
    if (after === undefined) throw notForThis(path);
    const text = [lines[0] ?? "", ...indented(lines.slice(1), column)].join(eol);
    return insertAt(after.from, text + eol + " ".repeat(column));
  }
  const at = entryEnd(document, before, column);
  const text = indented(lines, column).join(eol);
  const bare = at > 0 && document.text[at - 1] !== "\n";
  return insertAt(at, bare ? eol + text : text + eol);
}

function insertAt(at: number, insert: string): TextPatch[] {
  return [{ from: at, to: at, insert }];
}

/** The place of a new key among the keys that are there: after those that the language has before. */
export function placeOf(key: string, keys: readonly string[], order: readonly string[]): number {
  const rank = order.indexOf(key);
  if (rank < 0) return keys.length;
  let place = -1;
  keys.forEach((each, index) => {
    const other = order.indexOf(each);
    if (other >= 0 && other < rank) place = Math.max(place, index + 1);
  });
  if (place >= 0) return place;
  // Nothing stands before it: it comes first.
  return 0;
}

/** Where the lines of a key end: after its value, and after the comments that belong to it. */
export function entryEnd(document: SourceDocument, entry: Entry, column: number): number {
  const { text } = document;
  let end = lineAfter(text, entry.to);
  if (isSeq(entry.node)) {
    const { flow, items } = listShape(text, entry.node);
    if (!flow) end = Math.max(end, listLines(text, entry.node).to);
    else if (items.length === 0) end = disabledAfterEmpty(text, entry.to, column).to;
  }
  return lastComment(text, end, column + 1);
}

/** The patches that write a value at a path, with the mappings around it that are missing. */
export function setValue(
  document: SourceDocument,
  path: Path,
  value: Value,
  style: Style,
): TextPatch[] {
  const reached = reach(document, path);
  if (reached !== null) return replaceValue(document, path, reached.node, value, style);
  const last = path.at(-1);
  const around = path.slice(0, -1);
  if (typeof last !== "string") throw missing(path);
  const parent = reach(document, around);
  const made = { [last]: value };
  if (parent === null) {
    if (around.length === 0) throw missing(path);
    return setValue(document, around, made, style);
  }
  const node = parent.node;
  if (isEmptyNode(node)) return replaceValue(document, around, node, made, style);
  if (isMap(node) && node.items.length === 0 && node.anchor === undefined) {
    return replaceValue(document, around, node, made, style);
  }
  const lines = (column: number) => entryLines(last, value, style, column);
  const single = !/\n/.test(lines(0).join("\n"));
  const inBrackets = style.brackets || single || !hasText(value);
  const name = style.brackets ? scalarText(last, style.quoting) : scalarText(last);
  const flow = inBrackets ? `${name}: ${flowText(value, style.quoting)}` : null;
  return addEntryText(document, around, last, { lines, flow }, style);
}

function isEmptyNode(node: Node | null): boolean {
  return node === null || (isScalar(node) && node.type === "PLAIN" && node.value === "");
}

/** Whether a value holds a text of several lines. */
function hasText(value: Value): boolean {
  if (typeof value === "string") return value.includes("\n");
  return typeof value === "object" && value !== null && Object.values(value).some(hasText);
}

function replaceValue(
  document: SourceDocument,
  path: Path,
  node: Node | null,
  value: Value,
  style: Style,
): TextPatch[] {
  if (isAlias(node)) throw notForThis(path);
  const { text } = document;
  const scalar = typeof value !== "object" || value === null;
  if (scalar && isScalar(node) && !isBlockScalar(node) && !hasText(value) && !isEmptyNode(node)) {
    const [from, to] = node.range ?? [0, 0];
    const quoting = style.brackets ? quotingOf(node) : quotingAfter(node);
    return [{ from, to, insert: scalarText(value as string, quoting) }];
  }
  const key = path.at(-1);
  if (key === undefined) throw notForThis(path);
  if (typeof key === "number") return replaceItem(document, path, value, style);
  const entry = entryAt(document, path);
  if (entry === null) throw missing(path);
  const column = entryIndent(document, path.slice(0, -1));
  if (column === null) {
    if (hasText(value) && !style.brackets) throw new NeedsLines(path.slice(0, -1));
    return [{ from: entry.colon, to: entry.to, insert: ` ${flowText(value, style.quoting)}` }];
  }
  const gap = text.slice(entry.colon, entry.value);
  const rest = text.slice(entry.to, lineEnd(text, entry.to)).trim();
  const used = entry.colon - lineStart(text, entry.colon);
  const { first, rest: below } = valueAfterKey(value, style, column, used);
  if (gap.includes("#")) {
    // A comment stands between the key and the value, which has lines of its own.
    const inside = column + (Array.isArray(value) ? style.dash : style.indent);
    const lines = isBlockable(value) ? blockLines(value, style, inside) : [flowText(value)];
    const body = indented(lines, inside).join(style.eol);
    return [{ from: lineStart(text, entry.value), to: entry.to, insert: body }];
  }
  if (rest !== "" && hasText(value)) {
    // A comment stands after the value, where its text would go on.
    return [{ from: entry.colon, to: entry.to, insert: ` ${flowText(value)}` }];
  }
  const written = [first, ...indented(below, column)].join(style.eol);
  return [{ from: entry.colon, to: entry.to, insert: written }];
}

function isBlockable(value: Value): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).length > 0;
}

function replaceItem(
  document: SourceDocument,
  path: Path,
  value: Value,
  style: Style,
): TextPatch[] {
  const { text } = document;
  const list = reach(document, path.slice(0, -1))?.node ?? null;
  const item = isSeq(list) ? listShape(text, list).items[Number(path.at(-1))] : undefined;
  if (item === undefined || !isSeq(list)) throw missing(path);
  if (list.flow === true) {
    if (hasText(value) && !style.brackets) throw new NeedsLines(path.slice(0, -1));
    return [{ from: item.value, to: item.to, insert: flowText(value, style.quoting) }];
  }
  const column = listShape(text, list).column;
  const rest = text.slice(item.to, lineEnd(text, item.to)).trim();
  const flat = rest === "" ? null : flowText(value);
  if (flat !== null && (!isBlockable(value) || hasText(value))) {
    return [{ from: item.from, to: item.to, insert: `- ${flat}` }];
  }
  const [first = "", ...others] = blockLines([value], style, column);
  const lines = [first, ...indented(others, column)];
  return [{ from: item.from, to: item.to, insert: lines.join(style.eol) }];
}

/** The patches that take a key with its value, and its comments, out of a mapping. */
export function cutEntry(document: SourceDocument, path: Path): TextPatch[] {
  const { text } = document;
  const around = path.slice(0, -1);
  const map = mapAt(document, around);
  const { flow, column, entries, inside } = mapShape(text, map);
  const place = entries.findIndex(({ key }) => key === path.at(-1));
  const entry = entries[place];
  if (entry === undefined) throw missing(path);
  const next = entries[place + 1];
  const before = entries[place - 1];
  if (flow) {
    if (next !== undefined) return deletions([{ from: entry.from, to: next.from }]);
    if (before !== undefined) return deletions([{ from: before.to, to: entry.to }]);
    return deletions([inside]);
  }
  const start = lineStart(text, entry.from);
  const first = text.slice(start, entry.from).trim() !== "";
  if (before === undefined && next === undefined) return emptyMapping(document, around, entry);
  if (first) {
    if (next === undefined) return emptyMapping(document, around, entry);
    const between = text.slice(entry.to, next.from);
    const to = between.includes("#") ? lineEnd(text, entry.to) : next.from;
    return [{ from: entry.from, to, insert: "" }];
  }
  const from = commentsOf(text, start, column, before === undefined);
  return deletions([{ from, to: entryEnd(document, entry, column) }]);
}

/** Where the comment right above a key begins. The first key leaves what stands above it. */
function commentsOf(text: string, start: number, column: number, isFirst: boolean): number {
  let from = start;
  while (!isFirst && from > 0) {
    const above = lineAt(text, lineStart(text, from - 1));
    if (above.kind !== "comment" || above.indent !== column || above.from === 0) break;
    from = above.from;
  }
  return from;
}

/** A mapping that loses its only key becomes `{}`. */
function emptyMapping(document: SourceDocument, path: Path, only: Entry): TextPatch[] {
  const last = path.at(-1);
  if (last === undefined) throw notForThis(path);
  if (typeof last === "number") return [{ from: only.from, to: only.to, insert: "{}" }];
  const entry = entryAt(document, path);
  if (entry === null) throw missing(path);
  return [{ from: entry.colon, to: entry.to, insert: " {}" }];
}

/** The path to take out together with `path`: what is left empty and may be left out goes along. */
export function pruned(document: SourceDocument, path: Path, left: Value): Path {
  const around = path.slice(0, -1);
  if (around.length === 0 || typeof around.at(-1) === "number") return path;
  const outer = around.slice(0, -1);
  const key = String(around.at(-1));
  const isLast = isValueMap(left)
    ? Object.keys(left).length <= 1
    : Array.isArray(left) && left.length <= 1;
  const required = formAt(document, outer)?.schema.required ?? [];
  return isLast && !required.includes(key) ? around : path;
}
