/** Edits that put steps into a journey, take them out and move them. */

import { isSeq } from "yaml";
import { isDisabled, listOf, ordered, pieceAt, readSteps } from "@/builder/document/clipboard";
import { disabledIn } from "@/builder/document/comments";
import type { Draft } from "@/builder/document/draft";
import type { DisabledPlace, StepPlace, Target } from "@/builder/document/edits";
import { kindOf } from "@/builder/document/language";
import { type Cut, cutOf, insertPieces } from "@/builder/document/lists";
import { valueAt, withItems, withMoved, withoutItems } from "@/builder/document/model";
import { type OutlineStep, outlineOf, type StepList } from "@/builder/document/outline";
import { deletions, mixed, type TextPatch } from "@/builder/document/patches";
import { editable, isInside, itemPlace, keysOf, mapAt, samePath } from "@/builder/document/places";
import type { Path, SourceDocument } from "@/builder/document/reading";
import { stepsIn } from "@/builder/document/references";
import { missing, notForThis, Refused } from "@/builder/document/refusals";
import { reach } from "@/builder/document/structure";
import type { ValueMap } from "@/builder/document/values";
import { flowText, itemLines } from "@/builder/document/writing";

/** What an edit selects, and which ids it changed. */
export interface Outcome {
  readonly selection: readonly Path[];
  readonly renamed?: ReadonlyMap<string, string>;
}

function idsOf(document: SourceDocument): ReadonlySet<string> {
  return new Set(stepsIn(document).map(({ id }) => id));
}

export function insertSteps(draft: Draft, target: Target, steps: readonly ValueMap[]): Outcome {
  const { style } = draft;
  const text = style.brackets
    ? flowText(steps, style.quoting)
    : steps.flatMap((step) => itemLines(step, style, columnOf(target))).join("\n");
  return pasteSteps(draft, target, text);
}

/** About how far the items of a list are indented. */
function columnOf({ list }: Target): number {
  return 2 * list.length;
}

export function pasteSteps(draft: Draft, target: Target, text: string): Outcome {
  const { pieces, values, renamed } = readSteps(text, idsOf(draft.document));
  draft.step(
    (document, style) => insertPieces(document, target, pieces, style),
    (value) => withItems(value, target.list, target.index, values),
  );
  return { selection: values.map((_, place) => [...target.list, target.index + place]), renamed };
}

export function duplicateSteps(draft: Draft, steps: readonly Path[]): Outcome {
  const places = ordered(draft.document, steps);
  const last = places.at(-1);
  if (last === undefined) return { selection: [] };
  const list = listOf(last);
  if (!places.every((place) => samePath(listOf(place), list)))
    throw new Refused({ reason: "apart" });
  const pieces = places.map((place) => pieceAt(draft.document, place));
  const text = pieces.flatMap((piece) => piece.lines(0)).join("\n");
  const index = isDisabled(last) ? 0 : itemPlace(last).index + 1;
  return pasteSteps(draft, { list, index, past: 0 }, text);
}

// ------------------------------------------------------------------------------- out and across

/** The patches that take out steps, and disabled ones, from all their lists. */
function cuts(document: SourceDocument, places: readonly StepPlace[]): readonly TextPatch[] {
  const lists: { list: Path; indices: number[]; disabled: DisabledPlace[] }[] = [];
  for (const place of places) {
    const list = listOf(place);
    let group = lists.find((each) => samePath(each.list, list));
    if (group === undefined) {
      group = { list, indices: [], disabled: [] };
      lists.push(group);
    }
    if (isDisabled(place)) group.disabled.push(place);
    else group.indices.push(itemPlace(place).index);
  }
  const made = lists.map(({ list, indices, disabled }): Cut => {
    const pieces = disabledIn(document, list);
    const ranges = disabled.map(({ disabled: place }) => {
      const piece = pieces[place];
      if (piece === undefined) throw missing([...list, place]);
      return piece;
    });
    if (indices.length === 0) return { ranges, written: [] };
    const cut = cutOf(document, list, indices);
    return { ranges: [...cut.ranges, ...ranges], written: cut.written };
  });
  const gone = deletions(made.flatMap(({ ranges }) => ranges));
  return [...made.flatMap(({ written }) => written), ...gone];
}

function pathsOf(places: readonly StepPlace[]): readonly Path[] {
  return places.filter((place): place is Path => !isDisabled(place));
}

export function deleteSteps(draft: Draft, steps: readonly StepPlace[]): Outcome {
  const places = ordered(draft.document, steps);
  const paths = pathsOf(places);
  for (const path of paths) editable(draft.document, path);
  draft.step(
    (document) => cuts(document, places),
    (value) => withoutItems(value, paths),
  );
  const [first] = places;
  if (first === undefined || isDisabled(first)) return { selection: [] };
  return { selection: beside(draft, itemPlace(first).list, itemPlace(first).index) };
}

/** What is selected after the item `index` of a list went: the next, the last, or what is around. */
function beside(draft: Draft, list: Path, index: number): readonly Path[] {
  const node = editable(draft.document, list);
  const count = node !== null && "items" in node ? node.items.length : 0;
  if (count > 0) return [[...list, Math.min(index, count - 1)]];
  const around = list.slice(0, -3);
  return typeof around.at(-1) === "number" ? [around] : [];
}

/** A path as it is once the items at `gone` are out. */
export function afterRemoval(path: Path, gone: readonly Path[]): Path {
  return path.map((part, depth) => {
    if (typeof part !== "number") return part;
    const before = gone.filter(
      (each) =>
        each.length === depth + 1 &&
        samePath(each.slice(0, -1), path.slice(0, depth)) &&
        Number(each.at(-1)) < part,
    );
    return part - before.length;
  });
}

export function moveSteps(draft: Draft, steps: readonly StepPlace[], target: Target): Outcome {
  const places = ordered(draft.document, steps);
  const paths = pathsOf(places);
  for (const path of paths) {
    editable(draft.document, path);
    if (isInside(target.list, path)) throw new Refused({ reason: "into-itself", path });
  }
  const placed = afterRemoval([...target.list, target.index], paths);
  const { list, index } = itemPlace(placed);
  const selection = paths.map((_, place): Path => [...list, index + place]);
  if (!staysWhereItIs(draft, places, target)) transfer(draft, places, target);
  return { selection };
}

/** Takes steps out and puts them elsewhere. */
function transfer(draft: Draft, places: readonly StepPlace[], target: Target): void {
  const paths = pathsOf(places);
  if (losesNeighbours(draft, paths, target.list)) {
    // What the steps could stand before or after is on its way itself.
    const pieces = places.map((place) => pieceAt(draft.document, place));
    const values = paths.map((path) => valueAt(draft.value, path) ?? null);
    const { list, index } = itemPlace(afterRemoval([...target.list, target.index], paths));
    draft.step(
      (document) => cuts(document, places),
      (value) => withoutItems(value, paths),
    );
    draft.step(
      (document, style) => insertPieces(document, { list, index }, pieces, style),
      (value) => withItems(value, list, index, values),
    );
    return;
  }
  draft.step(
    (document, style) => {
      const pieces = places.map((place) => pieceAt(document, place));
      return mixed(cuts(document, places), insertPieces(document, target, pieces, style));
    },
    (value) => withMoved(value, paths, target.list, target.index),
  );
}

/** Whether the list loses all its items, or is one in brackets that loses some. */
function losesNeighbours(draft: Draft, paths: readonly Path[], list: Path): boolean {
  const node = reach(draft.document, list)?.node ?? null;
  const gone = paths.filter((path) => samePath(path.slice(0, -1), list)).length;
  return isSeq(node) && gone > 0 && (node.flow === true || gone === node.items.length);
}

/** Whether the steps stand at their target already, one after the other. */
function staysWhereItIs(draft: Draft, places: readonly StepPlace[], target: Target): boolean {
  if (places.some((place) => isDisabled(place) || !samePath(listOf(place), target.list))) {
    return false;
  }
  const indices = pathsOf(places).map((path) => itemPlace(path).index);
  const [first = 0] = indices;
  const together = indices.every((index, place) => index === first + place);
  // A disabled step between is passed only by a target that says so.
  const between = disabledIn(draft.document, target.list).some(
    ({ index }) => index >= first && index <= first + indices.length,
  );
  return together && !between && target.index >= first && target.index <= first + indices.length;
}

// ------------------------------------------------------------------------------------- into ways

export function wrapSteps(draft: Draft, steps: readonly Path[], around: ValueMap): Outcome {
  const places = pathsOf(ordered(draft.document, steps));
  const [first] = places;
  if (first === undefined) throw new Refused({ reason: "apart" });
  const { list, index } = itemPlace(first);
  const together = places.every((place, offset) => samePath(place, [...list, index + offset]));
  if (!together) throw new Refused({ reason: "apart" });
  const kind = kindOf(Object.keys(around));
  const [way] = kind?.ways ?? [];
  if (kind === null || way === undefined) throw notForThis(first);
  // Those that are disabled between the steps come along.
  const inner = disabledIn(draft.document, list).flatMap((piece, disabled) =>
    piece.index > index && piece.index < index + places.length ? [{ list, disabled }] : [],
  );
  const { renamed } = insertSteps(draft, { list, index }, [around]);
  const inside: Path = [...list, index, kind.kind, 0, way.steps];
  const moved = places.map((_, offset): Path => [...list, index + 1 + offset]);
  const { selection } = moveSteps(draft, [...moved, ...inner], { list: inside, index: 0 });
  return { selection: [[...list, index], ...selection], ...(renamed ? { renamed } : {}) };
}

export function unwrapStep(draft: Draft, path: Path, way: number | "all"): Outcome {
  const { list, index } = itemPlace(path);
  const map = mapAt(draft.document, path);
  if ((kindOf(keysOf(draft.document, map))?.ways ?? []).length === 0) throw notForThis(path);
  const step = findStep(outlineOf(draft.file, draft.index), path);
  const ways = (step?.ways ?? []).filter((_, place) => way === "all" || place === way);
  if (ways.length === 0 && way !== "all") throw missing([...path, way]);
  const places = ways.flatMap((each) => placesOf(each.steps));
  const count = pathsOf(places).length;
  if (places.length > 0) transfer(draft, places, { list, index });
  deleteSteps(draft, [[...list, index + count]]);
  const selection = Array.from({ length: count }, (_, place): Path => [...list, index + place]);
  return { selection: count > 0 ? selection : beside(draft, list, index) };
}

function placesOf(list: StepList | null): StepPlace[] {
  return (list?.items ?? []).map((item) =>
    item.type === "step" ? item.path : { list: item.list, disabled: item.disabled },
  );
}

function findStep(outline: ReturnType<typeof outlineOf>, path: Path): OutlineStep | null {
  const lists = [outline.steps, ...outline.exits.map(({ steps }) => steps)];
  for (const list of lists) {
    const found = list === null ? null : findInList(list, path);
    if (found !== null) return found;
  }
  return null;
}

function findInList(list: StepList, path: Path): OutlineStep | null {
  if (!isInside(path, list.path)) return null;
  for (const item of list.items) {
    if (item.type !== "step" || !isInside(path, item.path)) continue;
    if (samePath(item.path, path)) return item;
    for (const way of item.ways) {
      const found = way.steps === null ? null : findInList(way.steps, path);
      if (found !== null) return found;
    }
  }
  return null;
}
