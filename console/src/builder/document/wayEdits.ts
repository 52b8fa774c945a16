/** Edits of the ways of a branch or a split, and of the order of any list. */

import type { Draft } from "@/builder/document/draft";
import { kindOf, OTHERWISE, RESERVED_NAMES, type StepKind } from "@/builder/document/language";
import { cutItems, insertPieces } from "@/builder/document/lists";
import { setValue } from "@/builder/document/mappings";
import {
  sameValue,
  valueAt,
  withItems,
  withMoved,
  withoutItems,
  withValue,
} from "@/builder/document/model";
import { mixed } from "@/builder/document/patches";
import { pieceOfItem, pieceOfValue } from "@/builder/document/pieces";
import { itemPlace, keysOf, listAt, mapAt } from "@/builder/document/places";
import type { Path } from "@/builder/document/reading";
import { outcomePatches, type Renaming } from "@/builder/document/references";
import { missing, notForThis, Refused } from "@/builder/document/refusals";
import { onlyRenamed } from "@/builder/document/renaming";
import type { Outcome } from "@/builder/document/stepEdits";
import { isValueMap, type Value, type ValueMap } from "@/builder/document/values";

interface Ways {
  readonly step: Path;
  readonly list: Path;
  readonly kind: StepKind;
  readonly id: string | null;
  readonly values: readonly Value[];
}

function waysOf(draft: Draft, step: Path): Ways {
  const map = mapAt(draft.document, step);
  const kind = kindOf(keysOf(draft.document, map));
  if (kind === null || kind.ways.length === 0) throw notForThis(step);
  const list: Path = [...step, kind.kind];
  listAt(draft.document, list);
  const values = (valueAt(draft.value, list) ?? []) as readonly Value[];
  const id = valueAt(draft.value, [...step, "id"]);
  return { step, list, kind, id: typeof id === "string" ? id : null, values };
}

function isOtherwise(kind: StepKind, value: Value | undefined): boolean {
  const key = kind.ways.find(({ name }) => name === OTHERWISE)?.steps;
  return key !== undefined && isValueMap(value) && key in value;
}

/** The outcome of a way: its name, or else its place from 1. */
function nameOf(value: Value | undefined, place: number): string {
  const name = isValueMap(value) ? value.name : undefined;
  return name === undefined || name === null || name === "" ? String(place + 1) : String(name);
}

function checkName(ways: Ways, name: string, own: number): void {
  if (name.trim() === "" || RESERVED_NAMES.has(name) || /\p{Cc}/u.test(name)) {
    throw new Refused({ reason: "bad-name", name });
  }
  ways.values.forEach((value, place) => {
    const other = place !== own && !isOtherwise(ways.kind, value) && nameOf(value, place) === name;
    if (other) throw new Refused({ reason: "taken", name });
  });
}

export function addWay(draft: Draft, step: Path, way: ValueMap, index?: number): Outcome {
  const ways = waysOf(draft, step);
  const last = ways.values.length;
  const hasOtherwise = last > 0 && isOtherwise(ways.kind, ways.values[last - 1]);
  const isElse = isOtherwise(ways.kind, way);
  if (isElse && hasOtherwise) throw new Refused({ reason: "taken", name: "else" });
  if (!isElse && typeof way.name === "string") checkName(ways, way.name, -1);
  const end = hasOtherwise ? last - 1 : last;
  const place = isElse ? end : Math.min(index ?? end, end);
  const before = ways.values.map((_, at) => at);
  draft.step(
    (document, style) =>
      insertPieces(document, { list: ways.list, index: place }, [pieceOfValue(way, style)], style),
    (value) => withItems(value, ways.list, place, [way]),
  );
  before.splice(place, 0, -1);
  renumber(draft, ways, before);
  return { selection: [[...ways.list, place]] };
}

export function removeWay(draft: Draft, path: Path): Outcome {
  const { list, index } = itemPlace(path);
  const ways = waysOf(draft, list.slice(0, -1));
  if (ways.values[index] === undefined) throw missing(path);
  const named = ways.values.filter((value) => !isOtherwise(ways.kind, value)).length;
  const least = ways.kind.ways.some(({ name }) => name === OTHERWISE) ? 1 : 2;
  if (!isOtherwise(ways.kind, ways.values[index]) && named <= least) {
    throw new Refused({ reason: "last-way" });
  }
  draft.step(
    (document) => cutItems(document, list, [index]),
    (value) => withoutItems(value, [path]),
  );
  renumber(
    draft,
    ways,
    ways.values.map((_, at) => at).filter((at) => at !== index),
  );
  return { selection: [ways.step] };
}

/** Gives an item another place in its list; `else` stays the last. */
export function reorder(draft: Draft, path: Path, index: number): Outcome {
  const { list, index: from } = itemPlace(path);
  const node = listAt(draft.document, list);
  const count = node.items.length;
  if (from >= count || index < 0 || index >= count) throw missing(path);
  const ways = waysAround(draft, list);
  if (ways !== null) {
    const kept = [from, index].every((place) => !isOtherwise(ways.kind, ways.values[place]));
    if (!kept) throw notForThis(path);
  }
  const target = { list, index: index > from ? index + 1 : index };
  if (index !== from) {
    draft.step(
      (document, style) =>
        mixed(
          cutItems(document, list, [from]),
          insertPieces(document, target, [pieceOfItem(document, list, from)], style),
        ),
      (value) => withMoved(value, [path], list, target.index),
    );
    if (ways !== null) {
      const order = ways.values.map((_, at) => at);
      order.splice(index, 0, ...order.splice(from, 1));
      renumber(draft, ways, order);
    }
  }
  return { selection: [[...list, index]] };
}

function waysAround(draft: Draft, list: Path): Ways | null {
  const key = list.at(-1);
  const step = list.slice(0, -1);
  if (typeof step.at(-1) !== "number") return null;
  const value = valueAt(draft.value, step);
  const kind = isValueMap(value) ? kindOf(Object.keys(value)) : null;
  return kind !== null && kind.ways.length > 0 && kind.kind === key ? waysOf(draft, step) : null;
}

/** Names of cases without a name are their places: what asks for one follows it. */
function renumber(draft: Draft, ways: Ways, order: readonly number[]): void {
  if (ways.id === null) return;
  const renaming = new Map<string, string>();
  order.forEach((old, place) => {
    const value = ways.values[old];
    if (old < 0 || isOtherwise(ways.kind, value)) return;
    const [from, to] = [nameOf(value, old), nameOf(value, place)];
    if (from !== to) renaming.set(from, to);
  });
  renameOutcomes(draft, ways.id, renaming);
}

function renameOutcomes(draft: Draft, step: string, renaming: Renaming): void {
  if (renaming.size === 0) return;
  const patches = outcomePatches(draft.document, step, renaming);
  if (patches.length === 0) return;
  draft.commit([[draft.index, patches]], (_, value, before) =>
    onlyRenamed(before, value, renaming),
  );
}

export function renameWay(draft: Draft, path: Path, name: string): Outcome {
  const { list, index } = itemPlace(path);
  const ways = waysOf(draft, list.slice(0, -1));
  const value = ways.values[index];
  if (value === undefined) throw missing(path);
  if (isOtherwise(ways.kind, value)) throw notForThis(path);
  checkName(ways, name, index);
  const old = nameOf(value, index);
  if (isValueMap(value) && sameValue(value.name, name)) return { selection: [path] };
  draft.step(
    (document, style) => setValue(document, [...path, "name"], name, style),
    (root) => withValue(root, [...path, "name"], name),
  );
  if (ways.id !== null && old !== name) renameOutcomes(draft, ways.id, new Map([[old, name]]));
  return { selection: [path] };
}

/** Names a way, unless it has that name without one being written, and sets its weight. */
export function changeWay(draft: Draft, path: Path, name: string, weight: number | null): Outcome {
  const { list, index } = itemPlace(path);
  const value = waysOf(draft, list.slice(0, -1)).values[index];
  if (value === undefined) throw missing(path);
  if (nameOf(value, index) !== name) renameWay(draft, path, name);
  if (weight !== null && !(isValueMap(value) && sameValue(value.weight, weight))) {
    draft.step(
      (document, style) => setValue(document, [...path, "weight"], weight, style),
      (root) => withValue(root, [...path, "weight"], weight),
    );
  }
  return { selection: [path] };
}
