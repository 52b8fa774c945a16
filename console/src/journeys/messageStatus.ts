import type { Model } from "@/api/models";

/** The last that is known of a message: what became of it at the provider, or its own state. */
export function latestStatus(message: Model<"api__messages__messages__MessageBody">): string {
  const inTime = Object.entries(message.statuses).sort(([, one], [, other]) =>
    one.localeCompare(other),
  );
  return inTime.at(-1)?.[0] ?? message.state;
}
