/** Schedules: a cron line as the words of a week or a month, where it is one. */

import { DAYS, type Day, daysOf, daysText } from "./days";

/** A cron line that repeats in a simple way. */
export type Pattern =
  | { readonly every: "day"; readonly at: string }
  | { readonly every: "week"; readonly at: string; readonly days: ReadonlySet<Day> }
  | { readonly every: "month"; readonly at: string; readonly day: string };

const TIME = /^(\d{1,2}) (\d{1,2}) (\*|\d{1,2}) \* (\S+)$/;

/** The pattern of a cron line; null for one that is written as a line only. */
export function patternOf(cron: string): Pattern | null {
  const match = TIME.exec(cron.trim().replace(/\s+/g, " "));
  const [, minute = "", hour = "", day = "*", week = "*"] = match ?? [];
  if (match === null || Number(minute) > 59 || Number(hour) > 23) {
    return null;
  }
  const at = `${hour.padStart(2, "0")}:${minute.padStart(2, "0")}`;
  if (week === "*") {
    return day === "*" ? { every: "day", at } : { every: "month", at, day };
  }
  const days = day === "*" ? daysOf(week.toLowerCase()) : null;
  return days === null ? null : { every: "week", at, days };
}

/** The cron line of a pattern. */
export function cronOf(pattern: Pattern): string {
  const [hour = "0", minute = "0"] = pattern.at.split(":");
  const time = `${Number(minute)} ${Number(hour)}`;
  switch (pattern.every) {
    case "day":
      return `${time} * * *`;
    case "week": {
      const days = daysText(pattern.days.size === 0 ? new Set<Day>([DAYS[0]]) : pattern.days);
      return `${time} * * ${Array.isArray(days) ? days.join(",") : String(days)}`;
    }
    case "month":
      return `${time} ${pattern.day} * *`;
  }
}
