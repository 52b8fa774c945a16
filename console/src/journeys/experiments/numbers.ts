/** Figures of comparisons, as they are read. */

import { texts } from "@/texts";

const words = texts.experiments;

const rates = new Intl.NumberFormat("en", { style: "percent", maximumFractionDigits: 1 });
const signed = new Intl.NumberFormat("en", {
  style: "percent",
  maximumFractionDigits: 1,
  signDisplay: "exceptZero",
});
const sure = new Intl.NumberFormat("en", { style: "percent", maximumFractionDigits: 1 });
const plain = new Intl.NumberFormat("en", { maximumFractionDigits: 2 });
const change = new Intl.NumberFormat("en", {
  maximumFractionDigits: 1,
  signDisplay: "exceptZero",
});

/** From one value to another; null: without an end. */
export interface Bounds {
  readonly low: number | null;
  readonly high: number | null;
}

type Written = (value: number) => string;

export const rate: Written = (value) => rates.format(value);
export const lift: Written = (value) => signed.format(value);
export const amount: Written = (value) => plain.format(value);
export const difference: Written = (value) => change.format(value);

/** A p-value with two figures; never 0, which it is not. */
export function probability(p: number): string {
  return p < 0.0001 ? "< 0.0001" : p.toPrecision(2);
}

/** How sure one may be that there is a difference: never all of it, and at least nothing. */
export function confidence(p: number): string {
  return sure.format(Math.min(0.999, Math.max(0, 1 - p)));
}

/** From where to where, in words; empty if nothing is known. */
export function between({ low, high }: Bounds, written: Written): string {
  if (low !== null && high !== null) {
    return words.between(written(low), written(high));
  }
  if (low !== null) {
    return words.atLeast(written(low));
  }
  return high === null ? "" : words.atMost(written(high));
}
