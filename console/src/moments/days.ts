/** Days of the week as documents write them: `mon-fri`, `[mon, sat]`. */

import type { Value } from "@/builder/document/values";

export const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;

export type Day = (typeof DAYS)[number];

/** The days that a value names; null for a form that nothing knows. */
export function daysOf(value: Value): ReadonlySet<Day> | null {
  const texts = Array.isArray(value) ? (value as readonly Value[]) : [value];
  const found = new Set<Day>();
  for (const text of texts) {
    if (typeof text !== "string") {
      return null;
    }
    for (const part of text.split(",")) {
      const [first, last, ...more] = part.trim().split("-");
      const begin = DAYS.indexOf(first as Day);
      const end = last === undefined ? begin : DAYS.indexOf(last as Day);
      if (begin < 0 || end < 0 || more.length > 0) {
        return null;
      }
      for (let place = begin; ; place = (place + 1) % 7) {
        found.add(DAYS[place] as Day);
        if (place === end) {
          break;
        }
      }
    }
  }
  return found;
}

/** Days as documents write them: `mon-fri`, or a list where they are not one after the other. */
export function daysText(days: ReadonlySet<Day>): Value {
  const places = DAYS.flatMap((day, place) => (days.has(day) ? [place] : []));
  const [first = 0] = places;
  const last = places.at(-1) ?? first;
  const begin = DAYS[first] ?? "mon";
  const end = DAYS[last] ?? "mon";
  if (places.length === 1) {
    return begin;
  }
  const together = last - first + 1 === places.length;
  return together ? `${begin}-${end}` : places.map((place) => DAYS[place] ?? "mon");
}
