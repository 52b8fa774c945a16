/** The arms of an experiment as rows: each with its figures and what is shown of it. */

import type { Model } from "@/api/models";
import { texts } from "@/texts";
import { amount, type Bounds, between, confidence, lift, rate } from "./numbers";

const words = texts.experiments;

export type Experiment = Model<"ExperimentBody">;
type Arm = Model<"ArmBody">;
type Compared = Model<"api__reports__experiment_bodies__Comparison">;

/** An arm with what it came to by the metric, and its comparison with the control. */
export interface ArmRow {
  readonly arm: Arm;
  /** The share of contacts with a result, or the mean of each; null if there is none. */
  readonly level: number | null;
  readonly interval: Bounds | null;
  readonly results: number | null;
  readonly compared: Compared | null;
}

export function armRows(experiment: Experiment): readonly ArmRow[] {
  const { metric, comparisons } = experiment;
  return experiment.arms.map((arm): ArmRow => {
    const compared = comparisons.find((each) => each.arm === arm.name) ?? null;
    if (metric.of === "mean") {
      const { value } = arm;
      return {
        arm,
        level: value?.mean ?? null,
        interval: value?.interval ?? null,
        results: value?.contacts ?? null,
        compared,
      };
    }
    const share = arm.metrics[metric.name];
    return {
      arm,
      level: share?.rate ?? null,
      interval: share?.interval ?? null,
      results: share?.count ?? null,
      compared,
    };
  });
}

/** How a rate or a mean is written. */
export function writer(experiment: Experiment): (value: number) => string {
  return experiment.metric.of === "mean" ? amount : rate;
}

/** What the comparison of an arm shows, in words, by the test for any day. */
export function shownWords({ arm, compared }: ArmRow): string {
  if (arm.control) {
    return words.isControl;
  }
  if (!arm.compared) {
    return words.notCompared;
  }
  const sequential = compared?.sequential;
  if (compared === null || sequential == null) {
    return words.notKnown;
  }
  const sure = confidence(sequential.corrected_p_value);
  if (sequential.shown.startsWith("better")) {
    return words.better(compared.control, sure);
  }
  return sequential.shown.startsWith("worse")
    ? words.worse(compared.control, sure)
    : words.notShown(compared.control, sure);
}

/** The lift of an arm with the interval that holds on all days. */
export function liftWords({ compared }: ArmRow): { lift: string; interval: string } | null {
  if (compared?.lift == null) {
    return null;
  }
  const sequential = compared.sequential;
  const known = sequential !== null && sequential.interval_of === "lift";
  return {
    lift: lift(compared.lift),
    interval: known ? between(sequential.interval, lift) : "",
  };
}
