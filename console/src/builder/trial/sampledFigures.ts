import { useMemo } from "react";
import type { Model } from "@/api/models";
import type { CardFigures } from "@/builder/graph/graphContext";
import { figure, percent } from "@/components/figures";
import { texts } from "@/texts";

const words = texts.trial.onCards;

type Counts = Model<"TrialCounts">;
type Played = Model<"PlayedTrial">;

function named(name: string, count: number, all: number): CardFigures[number] {
  const share = percent(count, all);
  return { name, value: share === null ? figure(count) : `${figure(count)} (${share})` };
}

/** What a sample came to, by the keys of the cards: who reached a step, and who took each way. */
export function sampledFigures(
  counts: Counts,
  coverage: Played["coverage"],
): ReadonlyMap<string, CardFigures> {
  const missedBy = new Map(coverage.map((each) => [each.step, each.missed]));
  const figures = new Map<string, CardFigures>();
  figures.set("entry", [named(words.entered, counts.entered, counts.contacts)]);
  for (const step of counts.steps) {
    const standing = counts.standing[step.id] ?? 0;
    const skipped = Object.values(step.skipped).reduce((sum, count) => sum + count, 0);
    figures.set(`step:${step.id}`, [
      named(words.reached, step.reached, counts.entered),
      ...(step.messages > 0 ? [{ name: words.messages, value: figure(step.messages) }] : []),
      ...(skipped > 0 ? [{ name: words.skipped, value: figure(skipped) }] : []),
      ...(standing > 0 ? [{ name: words.standing, value: figure(standing) }] : []),
    ]);
    if (step.kind === "branch" || step.kind === "split") {
      const missed = missedBy.get(step.id) ?? [];
      const outcomes = { ...Object.fromEntries(missed.map((way) => [way, 0])), ...step.outcomes };
      for (const [outcome, count] of Object.entries(outcomes)) {
        const way = outcome === "else" ? "else" : `way:${outcome}`;
        figures.set(`step:${step.id}/${way}`, [named(words.took, count, step.reached)]);
      }
    }
  }
  return figures;
}

/** The figures of a sample that was played; null while there is none. */
export function useSampledFigures(played: Played | undefined) {
  return useMemo(
    () => (played?.summary == null ? null : sampledFigures(played.summary, played.coverage)),
    [played],
  );
}
