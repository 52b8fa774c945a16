/** Durations as the language writes them: `2d`, `1h30m`, ISO 8601. */

import { texts } from "@/texts";

const words = texts.moments;

export const UNITS = ["s", "m", "h", "d", "w", "mo", "y"] as const;

export type Unit = (typeof UNITS)[number];

/** A part of a duration: `30m`. */
export interface Amount {
  readonly count: string;
  readonly unit: Unit;
}

const COUNT = "\\d{1,12}";
const EXACT = "\\d{1,12}(?:\\.\\d{1,6})?";
const LARGE = ["y", "mo", "w", "d"] as const;
const SMALL = ["h", "m", "s"] as const;

const SHORT = new RegExp(
  `^${[
    ...LARGE.map((unit) => `(?:(${COUNT})${unit})?`),
    ...SMALL.map((unit) => `(?:(${EXACT})${unit === "m" ? "m(?!o)" : unit})?`),
  ].join("\\s*")}$`,
);
const ISO = new RegExp(
  `^P${["Y", "M", "W", "D"].map((unit) => `(?:(${COUNT})${unit})?`).join("")}` +
    `(?:T(?=\\d)${["H", "M", "S"].map((unit) => `(?:(${EXACT})${unit})?`).join("")})?$`,
);
const ORDER: readonly Unit[] = [...LARGE, ...SMALL];

/** The parts of a duration, the largest first; null for a text that is none. */
export function amountsOf(text: string): readonly Amount[] | null {
  const body = text.trim();
  const match = SHORT.exec(body) ?? ISO.exec(body);
  const found = ORDER.flatMap((unit, place): readonly Amount[] => {
    const count = match?.[place + 1];
    return count === undefined ? [] : [{ count, unit }];
  });
  return found.length === 0 ? null : found;
}

/** A duration in words: `1 hour 30 minutes`; a text that is none as it is written. */
export function durationWords(text: string): string {
  const amounts = amountsOf(text);
  return amounts === null
    ? text
    : amounts.map(({ count, unit }) => words.units[unit](count)).join(" ");
}

/** The text of a duration of one part. */
export function durationText({ count, unit }: Amount): string {
  return `${count}${unit}`;
}
