/** How often an event happened, as documents write it: `3`, `{gte: 2}`, or nothing. */

import { isValueMap, type Value } from "@/builder/document/values";
import { isScalarValue } from "./comparisons";

export type Frequency = "once" | "never" | "is" | "gte" | "lte" | "gt" | "lt";

const COMPARED: readonly string[] = ["is", "gte", "lte", "gt", "lt"];

/** The frequency that a `count` says; null for a form that has no fields. */
export function frequencyOf(count: Value | undefined): Frequency | null {
  if (count === undefined) {
    return "once";
  }
  if (count === 0) {
    return "never";
  }
  if (isScalarValue(count)) {
    return "is";
  }
  const [key, ...more] = isValueMap(count) ? Object.keys(count) : [];
  const known = key !== undefined && more.length === 0 && COMPARED.includes(key);
  return known && isValueMap(count) && isScalarValue(count[key]) ? (key as Frequency) : null;
}

/** The number of a `count`; null where there is none to write. */
export function countOf(count: Value | undefined): string | number | boolean | null {
  const frequency = frequencyOf(count);
  if (frequency === null || frequency === "once" || frequency === "never") {
    return null;
  }
  const found = isValueMap(count) ? count[frequency] : count;
  return isScalarValue(found) ? found : null;
}

/** The `count` that says a frequency; undefined is at least once. */
export function timesValue(
  frequency: Frequency,
  count: string | number | boolean,
): Value | undefined {
  switch (frequency) {
    case "once":
      return undefined;
    case "never":
      return 0;
    case "is":
      return count;
    default:
      return { [frequency]: count };
  }
}
