const whole = new Intl.NumberFormat("en");
const share = new Intl.NumberFormat("en", { style: "percent", maximumFractionDigits: 1 });

/** A number with its thousands set apart. */
export function figure(value: number): string {
  return whole.format(value);
}

/** A part of a whole in percent; null if the whole is nothing. */
export function percent(part: number, all: number): string | null {
  return all === 0 ? null : share.format(part / all);
}
