import type { Model } from "@/api/models";

export type Freeze = Model<"FreezeBody">;
export type Order = Model<"FreezeOrder">;
export type Stops = Order["stops"];
export type Channel = NonNullable<Order["channel"]>;

export const CHANNELS: readonly Channel[] = ["email", "sms", "webhook"];
export const FREEZES = ["freezes"] as const;

/** The channel of a freeze as an order names it; null means all of them. */
export function channelOf(name: string): Channel | null {
  return CHANNELS.find((each) => each === name) ?? null;
}

/** What can be held on a channel: webhooks are no marketing. */
export function stopsOf(channel: Channel | null): readonly Stops[] {
  return channel === "webhook" ? ["everything"] : ["marketing", "everything"];
}
