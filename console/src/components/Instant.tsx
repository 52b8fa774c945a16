import { useNow } from "./now";
import { distance, localTime } from "./times";

interface InstantProps {
  /** RFC 3339; null shows a dash. */
  at: string | null | undefined;
  /** Whether the distance from now is shown instead of the date. */
  relative?: boolean;
}

/** A time on the reader's clock; the title says it in UTC too. */
export function Instant({ at, relative = false }: InstantProps) {
  const now = useNow(relative);
  if (at === null || at === undefined) {
    return <span className="quiet">–</span>;
  }
  const time = new Date(at);
  const local = localTime(time);
  // What has just happened is not to come, although the page's clock ticks every ten seconds alone.
  const seen = time > now && time.getTime() <= Date.now() ? time : now;
  return (
    <time dateTime={at} title={`${local} · ${at}`} style={{ whiteSpace: "nowrap" }}>
      {relative ? distance(time, seen) : local}
    </time>
  );
}
