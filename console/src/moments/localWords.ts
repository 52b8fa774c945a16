/** Local times in words: `Tue, 1 Dec 2026, 09:00`. */

const day = new Intl.DateTimeFormat("en-GB", {
  weekday: "short",
  day: "numeric",
  month: "short",
  year: "numeric",
  timeZone: "UTC",
});

/** A local time, and the one until which it lasts. */
export function localWords(local: string, until: string | null = null): string {
  const begin = one(local);
  if (until === null) {
    return begin;
  }
  return local.slice(0, 10) === until.slice(0, 10)
    ? `${begin}–${until.slice(11, 16)}`
    : `${begin} – ${one(until)}`;
}

/** What clocks show has no zone: it is printed as it is. */
function one(local: string): string {
  const time = local.slice(11, 19);
  return `${day.format(new Date(`${local}Z`))}, ${time.endsWith(":00") ? time.slice(0, 5) : time}`;
}
