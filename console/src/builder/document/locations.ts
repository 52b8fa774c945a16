/** From a place in the text to a path and a card, and back. */

import { isMap, isSeq, type Node } from "yaml";
import { lineEnd, offsetOf } from "@/builder/document/lines";
import type { Outline, OutlineItem, Rule, StepList } from "@/builder/document/outline";
import { isInside } from "@/builder/document/places";
import type { JourneyText, Path, Range, SourceDocument } from "@/builder/document/reading";
import {
  type Entry,
  entryOf,
  listShape,
  mapShape,
  reach,
  resolved,
} from "@/builder/document/structure";
import { isValueMap, nodeValue } from "@/builder/document/values";

/** A place in a document. */
export interface Place {
  /** The place of the document in its file. */
  readonly document: number;
  readonly path: Path;
}

/** The innermost value at an offset of a file, or null outside of all documents. */
export function placeAt(file: JourneyText, offset: number): Place | null {
  const index = file.documents.findLastIndex(({ from }) => from <= offset);
  const document = file.documents[index];
  if (document === undefined || offset > document.from + document.text.length) return null;
  const path: (string | number)[] = [];
  let node = document.tree.contents as Node | null;
  const at = offset - document.from;
  while (node !== null) {
    const inner = partAt(document, node, at);
    if (inner === null) break;
    path.push(inner.part);
    node = inner.node;
  }
  return { document: index, path };
}

function partAt(
  document: SourceDocument,
  node: Node,
  at: number,
): { part: string | number; node: Node | null } | null {
  const { text } = document;
  if (isMap(node)) {
    const found = mapShape(text, node).entries.find(({ from, to }) => from <= at && at <= to);
    return found === undefined ? null : { part: found.key, node: found.node };
  }
  if (isSeq(node)) {
    const { items } = listShape(text, node);
    const part = items.findIndex(({ from, to }) => from <= at && at <= to);
    const item = items[part];
    return item === undefined ? null : { part, node: item.node };
  }
  return null;
}

/** Where a value stands in the file, with its key; what is around it if it is not there itself. */
export function rangeOf(file: JourneyText, index: number, path: Path): Range | null {
  const document = file.documents[index];
  if (document === undefined) return null;
  for (let depth = path.length; depth > 0; depth--) {
    const found = ownRange(document, path.slice(0, depth));
    if (found !== null) return shifted(document, found);
  }
  const root = document.tree.contents as Node | null;
  const first: Entry | undefined = isMap(root)
    ? mapShape(document.text, root).entries[0]
    : undefined;
  return first === undefined ? null : shifted(document, { from: first.from, to: first.to });
}

function ownRange(document: SourceDocument, path: Path): Range | null {
  const around = resolved(document, reach(document, path.slice(0, -1))?.node ?? null);
  const last = path.at(-1);
  const found =
    typeof last === "string"
      ? entryOf(document.text, around, last)
      : isSeq(around) && last !== undefined
        ? listShape(document.text, around).items[last]
        : null;
  if (found === null || found === undefined) return null;
  return { from: typeof last === "number" ? found.value : found.from, to: found.to };
}

function shifted(document: SourceDocument, { from, to }: Range): Range {
  return { from: from + document.from, to: to + document.from };
}

/** A problem as validation on the server tells it. */
export interface ServerProblem {
  readonly path: Path;
  readonly line: number;
  readonly column: number;
}

/** Where a problem is shown: in the text, and at a card of the graph. */
export interface ProblemPlace {
  readonly range: Range;
  /** The card, or null for a problem of another document. */
  readonly card: string | null;
}

/** Where a problem of the server's validation stands. */
export function problemPlace(
  file: JourneyText,
  outline: Outline,
  problem: ServerProblem,
): ProblemPlace {
  const { text } = file;
  if (problem.line < 1) {
    const path = sourcePath(file, outline.document, problem.path);
    const range = rangeOf(file, outline.document, path) ?? { from: 0, to: 0 };
    return { range, card: cardOf(outline, path) };
  }
  const from = offsetOf(text, problem.line, Math.max(problem.column, 1));
  const place = placeAt(file, from);
  const own = place?.document === outline.document;
  const path = own ? sourcePath(file, outline.document, problem.path) : [];
  const stated = own && path.length > 0 ? rangeOf(file, outline.document, path) : null;
  const end = lineEnd(text, from);
  const inside = stated !== null && stated.from <= from && from <= stated.to;
  const to = Math.max(inside ? Math.min(stated.to, end) : end, Math.min(from + 1, text.length));
  const at = path.length > (place?.path.length ?? 0) ? path : (place?.path ?? []);
  return { range: { from, to }, card: own ? cardOf(outline, at) : null };
}

/** The path of the server as the text has it: without parts that are not written. */
export function sourcePath(file: JourneyText, index: number, path: Path): Path {
  const document = file.documents[index];
  if (document === undefined) return [];
  let known: Path = [];
  for (const part of path) {
    const next = [...known, part];
    if (reach(document, next) !== null) known = next;
    else if (part === "else") known = otherwiseOf(document, known) ?? known;
  }
  return known;
}

/** The `else` of a branch, which the server knows as a key of the step as well. */
function otherwiseOf(document: SourceDocument, step: Path): Path | null {
  const value = nodeValue(document, reach(document, step)?.node ?? null);
  if (!isValueMap(value)) return null;
  for (const [key, ways] of Object.entries(value)) {
    if (!Array.isArray(ways)) continue;
    const last = ways.length - 1;
    const way: unknown = ways[last];
    if (typeof way === "object" && way !== null && "else" in way)
      return [...step, key, last, "else"];
  }
  return null;
}

/** The key of the innermost card that shows what is at a path. */
export function cardOf(outline: Outline, path: Path): string {
  const rules = [...outline.exits, ...(outline.goal === null ? [] : [outline.goal])];
  for (const list of [outline.steps, ...rules.map(({ steps }) => steps)]) {
    const found = list === null ? null : cardInList(list, path);
    if (found !== null) return found;
  }
  const rule = rules.find((each) => isInside(path, each.path));
  return rule?.key ?? "entry";
}

function cardInList(list: StepList, path: Path): string | null {
  if (!isInside(path, list.path)) return null;
  for (const item of list.items) {
    if (item.type !== "step" || !isInside(path, item.path)) continue;
    for (const way of item.ways) {
      if (!isInside(path, way.path)) continue;
      return (way.steps === null ? null : cardInList(way.steps, path)) ?? way.key;
    }
    return item.key;
  }
  return null;
}

/** The card at an offset of the file, disabled steps included; null outside of the journey. */
export function cardAt(file: JourneyText, outline: Outline, offset: number): string | null {
  const place = placeAt(file, offset);
  if (place?.document !== outline.document) return null;
  const disabled = disabledAt(outline, offset);
  return disabled?.key ?? cardOf(outline, place.path);
}

function disabledAt(outline: Outline, offset: number): OutlineItem | null {
  const contains = ({ from, to }: Range) => from <= offset && offset < to;
  const search = (list: StepList | null): OutlineItem | null => {
    for (const item of list?.items ?? []) {
      if (item.type === "disabled") {
        const from = item.note?.from ?? item.range.from;
        if (contains({ from, to: item.range.to })) return item;
        continue;
      }
      for (const way of item.ways) {
        const found = search(way.steps);
        if (found !== null) return found;
      }
    }
    return null;
  };
  const lists = [outline.steps, ...outline.exits.map(({ steps }: Rule) => steps)];
  return lists.map(search).find((found) => found !== null) ?? null;
}

/** The item, way or rule that a card shows, with its path. */
export function pathOfCard(outline: Outline, card: string): Path | null {
  const rules = [...outline.exits, ...(outline.goal === null ? [] : [outline.goal])];
  const rule = rules.find(({ key }) => key === card);
  if (rule !== undefined) return rule.path;
  if (card === "entry") return ["entry"];
  const search = (list: StepList | null): Path | null => {
    for (const item of list?.items ?? []) {
      if (item.type !== "step") continue;
      if (item.key === card) return item.path;
      for (const way of item.ways) {
        const found = way.key === card ? way.path : search(way.steps);
        if (found !== null) return found;
      }
    }
    return null;
  };
  return (
    [outline.steps, ...rules.map(({ steps }) => steps)].map(search).find((path) => path !== null) ??
    null
  );
}
