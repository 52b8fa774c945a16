import { useQuery } from "@tanstack/react-query";
import { answerOf, api } from "@/api/client";
import { texts } from "@/texts";
import { FREEZES, type Freeze } from "./freezes";

/** The newest freezes: those that hold, and those that are over. */
export function useFreezes(): readonly Freeze[] {
  const read = useQuery({
    queryKey: [...FREEZES, "newest"],
    queryFn: () => answerOf(api.GET("/v1/freezes", { params: { query: { limit: 100 } } })),
    refetchInterval: 10_000,
  });
  return read.data?.items ?? [];
}

/** Who froze it: a key by its name, or by its id if it has none. */
export function authorOf(freeze: Pick<Freeze, "automatic" | "by" | "by_name">): string {
  return freeze.automatic
    ? texts.attention.itself
    : (freeze.by_name ?? freeze.by ?? texts.parts.none);
}
