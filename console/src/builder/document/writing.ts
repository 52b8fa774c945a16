/** Writer of values as YAML, in the style of the document they come to stand in. */

import { isCollection, isMap, isSeq, type Node } from "yaml";
import { WAY_KEYS } from "@/builder/document/language";
import { lineBreak } from "@/builder/document/lines";
import type { SourceDocument } from "@/builder/document/reading";
import {
  doubleQuoted,
  literalLines,
  type Quoting,
  quotingOf,
  scalarText,
} from "@/builder/document/scalars";
import { isBlock, listShape, mapShape } from "@/builder/document/structure";
import { isValueMap, type Value, type ValueMap } from "@/builder/document/values";

/** How a document is written. */
export interface Style {
  /** How far the keys of a mapping are indented below its own key. */
  readonly indent: number;
  /** How far the dashes of a list are indented below its key. */
  readonly dash: number;
  /** Where lines end. */
  readonly eol: string;
  /** How long a line in brackets may become. */
  readonly width: number;
  /** Whether the whole document stands in brackets, as JSON does. */
  readonly brackets: boolean;
  /** How texts are quoted inside the brackets of such a document. */
  readonly quoting: Quoting;
}

const USUAL = { indent: 2, dash: 2, width: 100 };

/** The style of a document, taken from its first lists and mappings. */
export function styleOf(document: SourceDocument): Style {
  const found: { indent?: number; dash?: number } = {};
  measure(document, document.tree.contents as Node | null, found, 0);
  const root = document.tree.contents as Node | null;
  const brackets = isCollection(root) && root.flow === true;
  const first = isMap(root) ? (mapShape(document.text, root).entries[0]?.keyNode ?? null) : null;
  const quoting = brackets ? quotingOf(first) : "plain";
  return { ...USUAL, ...found, eol: lineBreak(document.text), brackets, quoting };
}

function measure(
  document: SourceDocument,
  node: Node | null,
  found: { indent?: number; dash?: number },
  depth: number,
): void {
  if (depth > 12 || (found.indent !== undefined && found.dash !== undefined)) return;
  if (isMap(node) && isBlock(node)) {
    const { column, entries } = mapShape(document.text, node);
    const ordered = [...entries].sort((one, other) => rank(one.key) - rank(other.key));
    for (const { node: inner } of ordered) {
      if (isSeq(inner) && isBlock(inner)) {
        found.dash ??= Math.max(listShape(document.text, inner).column - column, 0);
      } else if (isMap(inner) && isBlock(inner)) {
        found.indent ??= Math.max(mapShape(document.text, inner).column - column, 1);
      }
      measure(document, inner, found, depth + 1);
    }
  } else if (isSeq(node) && isBlock(node)) {
    for (const item of listShape(document.text, node).items) {
      measure(document, item.node, found, depth + 1);
    }
  }
}

/** The list of steps says most about how a journey is written. */
function rank(key: string): number {
  return key === "steps" ? 0 : 1;
}

/** A value in one line, with brackets. */
export function flowText(value: Value, quoting: Quoting = "plain"): string {
  if (Array.isArray(value)) {
    return `[${(value as readonly Value[]).map((item) => flowText(item, quoting)).join(", ")}]`;
  }
  if (isValueMap(value)) {
    return `{${Object.entries(value)
      .map(([key, inner]) => `${quoted(key, quoting)}: ${flowText(inner, quoting)}`)
      .join(", ")}}`;
  }
  return quoted(value as string | number | boolean | null, quoting);
}

function quoted(value: string | number | boolean | null, quoting: Quoting): string {
  if (quoting === "double" && typeof value === "string") return doubleQuoted(value);
  return scalarText(value, quoting);
}

/** Whether a value reads better in several lines: it has ways, or a text of several lines. */
function wantsLines(value: Value): boolean {
  if (typeof value === "string") return value.includes("\n");
  if (Array.isArray(value)) return (value as readonly Value[]).some(wantsLines);
  if (!isValueMap(value)) return false;
  return Object.entries(value).some(([key, inner]) => WAY_KEYS.has(key) || wantsLines(inner));
}

function fits(value: Value, used: number, style: Style): boolean {
  return !wantsLines(value) && used + flowText(value).length <= style.width;
}

function isFilled(value: Value): value is ValueMap | readonly Value[] {
  return typeof value === "object" && value !== null && Object.keys(value).length > 0;
}

/** The lines of a mapping's key and value, from the column of the key. */
export function entryLines(key: string, value: Value, style: Style, column: number): string[] {
  const name = `${scalarText(key)}:`;
  const value_ = valueAfterKey(value, style, column, column + name.length + 1);
  return [name + value_.first, ...value_.rest];
}

/** What follows a colon: the rest of its line, and the lines below, from the column of the key. */
export function valueAfterKey(
  value: Value,
  style: Style,
  column: number,
  used: number,
): { first: string; rest: readonly string[] } {
  if (typeof value === "string") {
    const literal = literalLines(value);
    const [sign, ...text] = literal ?? [];
    if (sign !== undefined) return { first: ` ${sign}`, rest: indented(text, style.indent) };
  }
  if (!isFilled(value) || (fits(value, used, style) && !isStepLike(value))) {
    return { first: ` ${flowText(value)}`, rest: [] };
  }
  const inside = isValueMap(value) ? style.indent : style.dash;
  return { first: "", rest: indented(blockLines(value, style, column + inside), inside) };
}

/** Whether a value is a list of steps or of ways, whose items take a line each. */
function isStepLike(value: Value): boolean {
  if (!Array.isArray(value)) return false;
  return (value as readonly Value[]).some(
    (item) => isValueMap(item) && ("id" in item || wantsLines(item)),
  );
}

/** The lines of a list or a mapping without brackets, which begins in this column. */
export function blockLines(value: Value, style: Style, column: number): string[] {
  if (isValueMap(value)) {
    return Object.entries(value).flatMap(([key, inner]) => entryLines(key, inner, style, column));
  }
  return (value as readonly Value[]).flatMap((item) => itemLines(item, style, column));
}

/** The lines of an item of a list whose dashes stand in this column. */
export function itemLines(value: Value, style: Style, column: number): string[] {
  if (typeof value === "string") {
    const [sign, ...text] = literalLines(value) ?? [];
    if (sign !== undefined) return [`- ${sign}`, ...indented(text, 2)];
  }
  if (!isFilled(value) || fits(value, column + 2, style)) return [`- ${flowText(value)}`];
  const [first = "", ...rest] = blockLines(value, style, column + 2);
  return [`- ${first}`, ...indented(rest, 2)];
}

/** Lines moved to the right; empty ones stay empty. */
export function indented(lines: readonly string[], by: number): string[] {
  const space = " ".repeat(by);
  return lines.map((line) => (line === "" ? "" : space + line));
}

/** The text of a line that is moved to the right or, by a negative number, to the left. */
export function shifted(line: string, by: number): string {
  if (by >= 0) return line === "" ? "" : " ".repeat(by) + line;
  let cut = 0;
  while (cut < -by && line[cut] === " ") cut++;
  return line.slice(cut);
}
