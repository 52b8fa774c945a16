import type { Model } from "@/api/models";

/** What came back of messages, from the least to the most; what is not named here is more. */
const ORDER = ["sent", "delivered", "opened", "clicked", "replied"];

function rank(status: string): number {
  const place = ORDER.indexOf(status);
  return place < 0 ? ORDER.length : place;
}

/**
 * The most that is known of a message: what came back of it, or its own state.
 *
 * A click says that it was opened too, and an opening may be recorded after the click.
 */
export function latestStatus(message: Model<"api__messages__messages__MessageBody">): string {
  const ordered = Object.entries(message.statuses).sort(
    ([one, at], [other, then]) => rank(one) - rank(other) || at.localeCompare(then),
  );
  return ordered.at(-1)?.[0] ?? message.state;
}
