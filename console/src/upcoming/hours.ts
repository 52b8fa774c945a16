import type { Model } from "@/api/models";
import type { BarPart } from "@/components/HourBars";

type Item = Pick<Model<"UpcomingBody">, "hour" | "journey" | "count">;

export interface Hour {
  at: Date;
  parts: BarPart[];
}

const HOUR = 3_600_000;
/** Journeys that have a shade of their own; the smaller ones are shown as one. */
const NAMED = 5;

/** The journeys by what they send, the greatest first; `others` for those after the fifth. */
export function namesOf(items: readonly Item[], others: string): string[] {
  const sums = new Map<string, number>();
  for (const { journey, count } of items) {
    sums.set(journey, (sums.get(journey) ?? 0) + count);
  }
  const sorted = [...sums].sort((one, other) => other[1] - one[1] || (one[0] < other[0] ? -1 : 1));
  const names = sorted.map(([name]) => name);
  return names.length <= NAMED + 1 ? names : [...names.slice(0, NAMED), others];
}

/** Each hour from the first to the last, also those without a send, with its parts by name. */
export function hoursOf(
  items: readonly Item[],
  from: Date,
  until: Date,
  names: readonly string[],
  others: string,
): Hour[] {
  const counts = new Map<number, Map<string, number>>();
  for (const { hour, journey, count } of items) {
    const at = Math.floor(Date.parse(hour) / HOUR);
    const name = names.includes(journey) ? journey : others;
    const parts = counts.get(at) ?? new Map<string, number>();
    parts.set(name, (parts.get(name) ?? 0) + count);
    counts.set(at, parts);
  }
  const first = Math.min(Math.floor(from.getTime() / HOUR), ...counts.keys());
  const last = Math.max(Math.ceil(until.getTime() / HOUR) - 1, ...counts.keys());
  return Array.from({ length: last - first + 1 }, (_, index) => {
    const found = counts.get(first + index);
    return {
      at: new Date((first + index) * HOUR),
      parts: names
        .map((name) => ({ name, count: found?.get(name) ?? 0 }))
        .filter((part) => part.count > 0),
    };
  });
}
