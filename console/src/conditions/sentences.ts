/** A condition as a sentence: what is shown is all that the condition says. */

import type { Path } from "@/builder/document/reading";
import { isValueMap, type Value, type ValueMap } from "@/builder/document/values";
import { clausesOf, keptParts } from "./lines";
import { type Group, KINDS, type Sentence } from "./parts";

/** The sentence of a condition. */
export function sentenceOf(value: Value, at: Path = []): Sentence {
  if (!isValueMap(value)) {
    return { form: "text", value };
  }
  const kind = KINDS.find((each) => each in value);
  if (kind !== undefined) {
    const clauses = clausesOf(kind, value, at);
    return clauses === null ? { form: "text", value } : { form: "line", kind, clauses };
  }
  return groupOf(value, at) ?? { form: "text", value };
}

function itemsOf(list: readonly Value[], at: Path): readonly Sentence[] {
  return list.map((item, place) => sentenceOf(item, [...at, place]));
}

function groupOf(value: ValueMap, at: Path): Group | null {
  for (const key of ["all", "any"] as const) {
    const list = value[key];
    if (Array.isArray(list)) {
      const place = [...at, key];
      const items = itemsOf(list as readonly Value[], place);
      const others = keptParts(value, at, [key]);
      return { form: "group", quantifier: key, at: place, single: false, items, kept: others };
    }
  }
  const inner = value.not;
  if (inner === undefined) {
    return null;
  }
  const others = keptParts(value, at, ["not"]);
  const [key, ...more] = isValueMap(inner) ? Object.keys(inner) : [];
  const list = isValueMap(inner) && more.length === 0 ? inner[key ?? ""] : undefined;
  if ((key === "any" || key === "all") && Array.isArray(list)) {
    const place = [...at, "not", key];
    const items = itemsOf(list as readonly Value[], place);
    const quantifier = key === "any" ? "none" : "not-all";
    return { form: "group", quantifier, at: place, single: false, items, kept: others };
  }
  const place = [...at, "not"];
  const items = [sentenceOf(inner, place)];
  return { form: "group", quantifier: "none", at: place, single: true, items, kept: others };
}
