import { texts } from "@/texts";

const STEPS = [
  ["d", 86_400],
  ["h", 3_600],
  ["min", 60],
  ["s", 1],
] as const;

/** A duration in its two largest units: `2 d 4 h`, `35 s`. */
export function duration(seconds: number): string {
  let left = Math.round(Math.abs(seconds));
  const found: string[] = [];
  for (const [unit, size] of STEPS) {
    const count = Math.floor(left / size);
    left -= count * size;
    if (count > 0) {
      found.push(`${count} ${unit}`);
    }
    if (found.length === 2 || (found.length === 1 && count === 0)) {
      break;
    }
  }
  return found.join(" ") || "0 s";
}

/** How far a time is from now, in words. */
export function distance(time: Date, now: Date): string {
  const seconds = (time.getTime() - now.getTime()) / 1000;
  if (Math.abs(seconds) < 1) {
    return texts.parts.now;
  }
  const words = duration(seconds);
  return seconds > 0 ? texts.parts.in(words) : texts.parts.ago(words);
}

const full = new Intl.DateTimeFormat("en-CA", {
  year: "numeric",
  month: "2-digit",
  day: "2-digit",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
});

/** The zone of the reader's clock, in which all times of the console are. */
export function readersZone(): string {
  return full.resolvedOptions().timeZone;
}

/** A time on the reader's clock: `2026-11-29 08:30:00`. */
export function localTime(time: Date): string {
  return full.format(time).replace(",", "");
}

/** A time of the API as a field of dates and times shows it; empty for none. */
export function toLocalInput(at: string): string {
  const time = new Date(at);
  return at === "" || Number.isNaN(time.getTime())
    ? ""
    : localTime(time).slice(0, 16).replace(" ", "T");
}

/** The time of such a field as the API takes it; empty for none. */
export function fromLocalInput(text: string): string {
  const time = new Date(text);
  return text === "" || Number.isNaN(time.getTime()) ? "" : time.toISOString();
}
