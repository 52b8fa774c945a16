import { useQuery } from "@tanstack/react-query";
import { answerOf, api } from "./client";

/** The keys of all journeys. */
export function useJourneyKeys(): string[] {
  const read = useQuery({
    queryKey: ["journeys", "names"],
    queryFn: () => answerOf(api.GET("/v1/journeys", { params: { query: { limit: 500 } } })),
    select: ({ items }) => items.map((journey) => journey.key),
    staleTime: 60_000,
  });
  return read.data ?? [];
}
