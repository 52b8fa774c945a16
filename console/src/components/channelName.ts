import { texts } from "@/texts";

/** What a channel is called, in every place of the console. */
export function channelName(channel: string): string {
  return texts.builder.kinds[channel] ?? channel;
}
