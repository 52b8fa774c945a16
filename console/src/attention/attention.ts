import { useQuery } from "@tanstack/react-query";
import { answerOf, api } from "@/api/client";
import type { Model } from "@/api/models";

export type Item = Model<"AttentionBody">;
export type Kind = Item["kind"];

/** What needs a person; `within` says how far back what failed or was rejected counts. */
export function useAttention(within: string) {
  return useQuery({
    queryKey: ["attention", within],
    queryFn: () =>
      answerOf(api.GET("/v1/attention", { params: { query: within === "" ? {} : { within } } })),
    refetchInterval: 5_000,
    placeholderData: (before) => before,
  });
}

/** The items by their kind, in the order of the answer. */
export function byKind(items: readonly Item[]): [Kind, Item[]][] {
  const found = new Map<Kind, Item[]>();
  for (const item of items) {
    found.set(item.kind, [...(found.get(item.kind) ?? []), item]);
  }
  return [...found];
}
