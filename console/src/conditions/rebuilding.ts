/** The condition that a sentence says: the one that it was made of. */

import type { Path } from "@/builder/document/reading";
import type { Value, ValueMap } from "@/builder/document/values";
import type { Clause, Group, Part, Sentence } from "./parts";

type Tree = Map<string, Tree | Value>;

function put(tree: Tree, at: Path, value: Value): void {
  const [first, ...more] = at;
  if (first === undefined) {
    return;
  }
  const key = String(first);
  if (more.length === 0) {
    tree.set(key, value);
    return;
  }
  const found = tree.get(key);
  const inner: Tree = found instanceof Map ? found : new Map();
  tree.set(key, inner);
  put(inner, more, value);
}

function grown(tree: Tree): Value {
  return Object.fromEntries(
    [...tree].map(([key, value]) => [key, value instanceof Map ? grown(value) : value]),
  );
}

/** The value of a part, with its place. */
function written(part: Part): readonly [Path, Value] | null {
  switch (part.type) {
    case "word":
    case "property":
      return null;
    case "operator":
      return part.exists === undefined ? null : [[...part.around, "exists"], part.exists];
    case "times":
      return part.value === undefined ? null : [part.at, part.value];
    default:
      return [part.at, part.value];
  }
}

/** The condition that a line says; `at` is where the line was read. */
export function lineValue(clauses: readonly Clause[], at: Path = []): ValueMap {
  const tree: Tree = new Map();
  for (const { parts } of clauses) {
    for (const part of parts) {
      const found = written(part);
      if (found !== null) {
        put(tree, found[0].slice(at.length), found[1]);
      }
    }
  }
  return grown(tree) as ValueMap;
}

/** The condition that a sentence says: the one it was made of. */
export function conditionOf(sentence: Sentence, at: Path = []): Value {
  switch (sentence.form) {
    case "text":
      return sentence.value;
    case "line":
      return lineValue(sentence.clauses, at);
    case "group":
      return groupValue(sentence);
  }
}

function groupValue(group: Group): Value {
  const items = group.items.map((item, place) =>
    conditionOf(item, group.single ? group.at : [...group.at, place]),
  );
  const others = Object.fromEntries(group.kept.map((part) => [String(part.at.at(-1)), part.value]));
  return { ...asGroup(group.quantifier, items, group.single), ...others };
}

/** Conditions as a group; `single` leaves out the list around the only one of `none`. */
export function asGroup(
  quantifier: Group["quantifier"],
  items: readonly Value[],
  single = false,
): ValueMap {
  switch (quantifier) {
    case "all":
    case "any":
      return { [quantifier]: items };
    case "none": {
      const [only] = items;
      return single && items.length === 1 && only !== undefined
        ? { not: only }
        : { not: { any: items } };
    }
    case "not-all":
      return { not: { all: items } };
  }
}
