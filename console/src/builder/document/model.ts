/**
 * The edits on plain values, against which every edit of the text is checked: a text that reads as
 * anything else than this is not handed out.
 */

import type { Path } from "@/builder/document/reading";
import { notForThis } from "@/builder/document/refusals";
import { isValueMap, type Value } from "@/builder/document/values";

type Mutable = { [key: string]: Mutable } | Mutable[] | string | number | boolean | null;

/** A copy of a value that can be changed. */
export function copyOf(value: Value): Mutable {
  if (Array.isArray(value)) return value.map(copyOf);
  if (!isValueMap(value)) return value as Mutable;
  // A key may be called `__proto__`, which an assignment would take for something else.
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, copyOf(each)]));
}

/** The value at a path, or undefined. */
export function valueAt(root: Value, path: Path): Value | undefined {
  let value: Value | undefined = root;
  for (const part of path) {
    if (Array.isArray(value) && typeof part === "number") value = (value as readonly Value[])[part];
    else if (isValueMap(value)) value = value[part];
    else return undefined;
  }
  return value;
}

function within(root: Mutable, path: Path, write: boolean): Mutable {
  let value = root;
  path.forEach((part, index) => {
    if (typeof value !== "object" || value === null) throw notForThis(path);
    const holder = value as { [key: string | number]: Mutable };
    if (write && holder[part] == null) holder[part] = typeof path[index + 1] === "number" ? [] : {};
    value = holder[part] ?? null;
  });
  return value;
}

function listOf(value: Mutable | undefined, path: Path): Mutable[] {
  if (Array.isArray(value)) return value;
  throw notForThis(path);
}

/** The root with `items` put into the list at `path`, which is made if it is missing. */
export function withItems(root: Value, path: Path, index: number, items: readonly Value[]): Value {
  const copy = copyOf(root);
  const last = path.at(-1);
  const holder = within(copy, path.slice(0, -1), true) as { [key: string | number]: Mutable };
  if (last === undefined) return root;
  holder[last] ??= [];
  listOf(holder[last], path).splice(index, 0, ...items.map(copyOf));
  return copy;
}

/** The root without the items at these paths. */
export function withoutItems(root: Value, paths: readonly Path[]): Value {
  const copy = copyOf(root);
  const places = paths.map((path) => ({
    list: within(copy, path.slice(0, -1), false) as Mutable[],
    index: Number(path.at(-1)),
  }));
  places.sort((one, other) => other.index - one.index);
  for (const { list, index } of places) list.splice(index, 1);
  return copy;
}

/** The root with the items at these paths moved before the item `index` of the list `path`. */
export function withMoved(root: Value, paths: readonly Path[], path: Path, index: number): Value {
  const copy = copyOf(root);
  const made = within(copy, path.slice(0, -1), true) as { [key: string | number]: Mutable };
  const last = path.at(-1) ?? "";
  made[last] ??= [];
  const target = listOf(made[last], path);
  const places = paths.map((each) => ({
    list: within(copy, each.slice(0, -1), false) as Mutable[],
    index: Number(each.at(-1)),
  }));
  const items = places.map(({ list, index: place }) => list[place] ?? null);
  const before = places.filter((place) => place.list === target && place.index < index).length;
  for (const place of [...places].sort((one, other) => other.index - one.index)) {
    place.list.splice(place.index, 1);
  }
  target.splice(index - before, 0, ...items);
  return copy;
}

/** The root with a value at a path; mappings around it that are missing are made. */
export function withValue(root: Value, path: Path, value: Value): Value {
  const copy = copyOf(root);
  const last = path.at(-1);
  if (last === undefined) return value;
  const holder = within(copy, path.slice(0, -1), true) as { [key: string | number]: Mutable };
  holder[last] = copyOf(value);
  return copy;
}

/** The root without the key at a path. */
export function withoutKey(root: Value, path: Path): Value {
  const copy = copyOf(root);
  const holder = within(copy, path.slice(0, -1), false);
  if (isValueMap(holder)) delete (holder as { [key: string]: Mutable })[String(path.at(-1))];
  return copy;
}

/** Whether two values are the same; the order of their keys does not count. */
export function sameValue(one: Value | undefined, other: Value | undefined): boolean {
  if (one === other) return true;
  if (Array.isArray(one) && Array.isArray(other)) {
    return one.length === other.length && one.every((item, index) => sameValue(item, other[index]));
  }
  if (!isValueMap(one) || !isValueMap(other)) return false;
  const keys = Object.keys(one);
  return (
    keys.length === Object.keys(other).length &&
    keys.every((key) => Object.hasOwn(other, key) && sameValue(one[key], other[key]))
  );
}
