import { useQuery } from "@tanstack/react-query";
import { answerOf, api } from "./client";

function useJourneys() {
  return useQuery({
    queryKey: ["journeys", "names"],
    queryFn: () => answerOf(api.GET("/v1/journeys", { params: { query: { limit: 500 } } })),
    staleTime: 60_000,
  });
}

/** The keys of all journeys. */
export function useJourneyKeys(): string[] {
  return useJourneys().data?.items.map((journey) => journey.key) ?? [];
}

/** The names of the journeys that have one, by their keys. */
export function useJourneyNames(): ReadonlyMap<string, string> {
  const items = useJourneys().data?.items ?? [];
  return new Map(items.flatMap(({ key, name }) => (name === null ? [] : [[key, name] as const])));
}
