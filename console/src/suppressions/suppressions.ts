import { useQuery } from "@tanstack/react-query";
import { answerOf, api } from "@/api/client";
import type { Model } from "@/api/models";
import { texts } from "@/texts";

export type Suppression = Model<"SuppressionBody">;
export type Channel = Model<"NewSuppression">["channel"];

export const CHANNELS: readonly Channel[] = ["email", "sms"];

export interface Address {
  channel: Channel;
  address: string;
}

/** The addresses of a contact that may be suppressed. */
export function addressesOf(body: { email: string | null; phone: string | null }): Address[] {
  return [
    ...(body.email === null ? [] : [{ channel: "email", address: body.email } as const]),
    ...(body.phone === null ? [] : [{ channel: "sms", address: body.phone } as const]),
  ];
}

/** The suppression of an address; null if there is none. */
export function useSuppression(chosen: Address | null) {
  return useQuery({
    queryKey: ["suppressions", chosen],
    queryFn: () =>
      answerOf(
        api.GET("/v1/suppressions", {
          params: { query: { channel: chosen?.channel, address: chosen?.address } },
        }),
      ),
    select: ({ items }) => items[0] ?? null,
    enabled: chosen !== null,
  });
}

/** Why it is suppressed, in words: those of an operator as they are. */
export function reasonWords(reason: string): string {
  return texts.suppressions.reasons[reason] ?? reason;
}

/** Who suppressed it: a key by its name, or what came back of a message. */
export function sourceOf({ by, reason }: Pick<Suppression, "by" | "reason">): string {
  const { sources, fromFile } = texts.suppressions;
  return by ?? sources[reason] ?? fromFile;
}
