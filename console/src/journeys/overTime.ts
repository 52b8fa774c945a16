/** The figures of a journey, or of one of its steps, over hours or days. */

import { texts } from "@/texts";
import type { JourneyStats } from "./liveStats";

const words = texts.journeys.results;

type Period = NonNullable<JourneyStats["periods"]>[number];

/** Figures under their names, at the beginning of each period. */
export interface OverTime {
  readonly times: readonly Date[];
  readonly series: readonly { readonly name: string; readonly values: readonly number[] }[];
}

export type Part = "hour" | "day";

const LENGTH: Readonly<Record<Part, number>> = { hour: 3_600_000, day: 86_400_000 };
/** Periods without anything that are drawn between two others. */
const MOST = 1_000;

const OF_STEP = [
  ["reached", words.reached],
  ["sent", words.sent],
  ["opened", words.opened],
  ["clicked", words.clicked],
  ["left", words.passed],
] as const;

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((whole, count) => whole + count, 0);
}

function ofStep(period: Period, step: string, figure: string): number {
  const found = period.steps.find((each) => each.id === step);
  const value = found?.[figure];
  return typeof value === "number" ? value : 0;
}

/** The beginnings of all periods from the first to the last: those without anything too. */
export function allTimes(known: readonly Date[], part: Part): readonly Date[] {
  return known.flatMap((time, index) => {
    const before = known[index - 1];
    if (before === undefined) {
      return [time];
    }
    // A day may have 23 or 25 hours: what is known is kept, and only what is between is counted.
    const missing = Math.round((time.getTime() - before.getTime()) / LENGTH[part]) - 1;
    const between = Array.from(
      { length: Math.max(0, Math.min(missing, MOST)) },
      (_, place) => new Date(before.getTime() + (place + 1) * LENGTH[part]),
    );
    return [...between, time];
  });
}

/** The figures by period; of a step, those that it has anything of. */
export function overTime(periods: readonly Period[], step: string, part: Part): OverTime {
  const found = new Map(periods.map((each) => [new Date(each.begins_at).getTime(), each]));
  const times = allTimes(
    periods.map((each) => new Date(each.begins_at)),
    part,
  );
  const series = (name: string, of: (period: Period) => number) => ({
    name,
    values: times.map((time) => {
      const period = found.get(time.getTime());
      return period === undefined ? 0 : of(period);
    }),
  });
  if (step === "") {
    return {
      times,
      series: [
        series(words.entered, (period) => period.entered),
        series(words.goal, (period) => period.goal.met),
        series(words.ended, (period) => sum(period.ends)),
      ],
    };
  }
  return {
    times,
    series: OF_STEP.map(([figure, name]) =>
      series(name, (period) => ofStep(period, step, figure)),
    ).filter(({ values }, place) => place === 0 || values.some((value) => value > 0)),
  };
}
