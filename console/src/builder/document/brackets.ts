/** Brackets written as lines, where a comment or a longer text has to find a place. */

import { isMap, isSeq, type Node } from "yaml";
import { lineStart } from "@/builder/document/lines";
import type { TextPatch } from "@/builder/document/patches";
import { splitLines } from "@/builder/document/pieces";
import type { Path, SourceDocument } from "@/builder/document/reading";
import { asTextOnly, missing } from "@/builder/document/refusals";
import { isBlock, listShape, mapShape, reach } from "@/builder/document/structure";
import { indented, type Style, shifted } from "@/builder/document/writing";

/**
 * The patch that writes the collection at a path in lines, and all collections around it that have
 * brackets. What stands inside them beside the path keeps its text.
 */
export function expanded(document: SourceDocument, path: Path, style: Style): TextPatch {
  const { text } = document;
  let depth = 0;
  while (depth <= path.length) {
    const node = reach(document, path.slice(0, depth))?.node ?? null;
    if ((isMap(node) || isSeq(node)) && node.flow === true) break;
    depth++;
  }
  const outer = path.slice(0, depth);
  const node = reach(document, outer)?.node ?? null;
  // A whole document in brackets is JSON, or meant to be like it.
  if (depth === 0 || depth > path.length || node === null) throw asTextOnly();
  if (!(isMap(node) || isSeq(node)) || node.items.length === 0) throw asTextOnly();
  const place = placeOf(document, outer);
  if (text.slice(place.value, place.to).includes("#") && hasComment(text, node)) throw asTextOnly();
  const named = place.value < (node.range?.[0] ?? 0);
  const inside = isSeq(node) && place.key ? style.dash : place.key ? style.indent : 2;
  const lines = linesOf(document, node, path.slice(depth), style);
  if (place.key || named) {
    const body = indented(lines, place.column + inside).join(style.eol);
    const anchor = named ? ` ${text.slice(place.value, node.range?.[0]).trim()}` : "";
    return { from: place.after, to: place.to, insert: anchor + style.eol + body };
  }
  const [first = "", ...rest] = lines;
  const body = [first, ...indented(rest, place.column + 2)].join(style.eol);
  return { from: place.after, to: place.to, insert: ` ${body}` };
}

interface Place {
  readonly key: boolean;
  readonly column: number;
  /** After the colon or the dash. */
  readonly after: number;
  readonly value: number;
  readonly to: number;
}

function placeOf(document: SourceDocument, path: Path): Place {
  const { text } = document;
  const last = path.at(-1);
  const around = reach(document, path.slice(0, -1))?.node ?? null;
  if (isMap(around) && isBlock(around)) {
    const { column, entries } = mapShape(text, around);
    const entry = entries.find(({ key }) => key === last);
    if (entry !== undefined) {
      return { key: true, column, after: entry.colon, value: entry.value, to: entry.to };
    }
  }
  if (isSeq(around) && isBlock(around) && typeof last === "number") {
    const { column, items } = listShape(text, around);
    const item = items[last];
    if (item !== undefined) {
      return { key: false, column, after: item.from + 1, value: item.value, to: item.to };
    }
  }
  throw missing(path);
}

/** The lines of a collection in brackets; `path` leads to the one inside it that needs lines too. */
function linesOf(document: SourceDocument, node: Node, path: Path, style: Style): string[] {
  const { text } = document;
  if (isMap(node)) {
    return mapShape(text, node).entries.flatMap((entry) => {
      const name = text.slice(entry.from, entry.keyNode?.range?.[1] ?? entry.colon);
      const inner = entry.node;
      if (entry.key === path[0] && canExpand(inner) && entry.value === inner.range?.[0]) {
        const inside = isSeq(inner) ? style.dash : style.indent;
        return [`${name}:`, ...indented(linesOf(document, inner, path.slice(1), style), inside)];
      }
      return valueLines(text, `${name}:`, entry.value, entry.to);
    });
  }
  if (!isSeq(node)) return [];
  return listShape(text, node).items.flatMap((item, index) => {
    const inner = item.node;
    if (index === path[0] && canExpand(inner) && item.value === inner.range?.[0]) {
      const [first = "", ...rest] = linesOf(document, inner, path.slice(1), style);
      return [`- ${first}`, ...indented(rest, 2)];
    }
    return valueLines(text, "-", item.value, item.to);
  });
}

function canExpand(node: Node | null): node is Node {
  return (isMap(node) || isSeq(node)) && node.items.length > 0;
}

/** A value as it stands, after its key or dash; further lines of it stand below the first. */
function valueLines(text: string, opening: string, from: number, to: number): string[] {
  const value = text.slice(from, to);
  if (value === "") return [opening];
  const start = from - lineStart(text, from);
  const [first = "", ...rest] = splitLines(value);
  return [`${opening} ${first}`, ...rest.map((line) => `  ${shifted(line, -start).trimStart()}`)];
}

function hasComment(text: string, node: Node): boolean {
  const [from = 0, to = 0] = node.range ?? [];
  const quoted = text.slice(from, to).replace(/"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'/g, "");
  return /(?:^|\s)#/.test(quoted);
}
