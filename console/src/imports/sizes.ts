const UNITS = ["bytes", "KB", "MB", "GB"] as const;

/** A size in its largest unit: `1.2 MB`. */
export function sizeWords(bytes: number): string {
  let left = bytes;
  let unit = 0;
  while (left >= 1_000 && unit < UNITS.length - 1) {
    left /= 1_000;
    unit += 1;
  }
  const shown = unit === 0 || left >= 100 ? Math.round(left) : Math.round(left * 10) / 10;
  return `${shown} ${UNITS[unit]}`;
}
