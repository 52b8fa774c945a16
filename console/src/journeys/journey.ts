import { useQuery } from "@tanstack/react-query";
import { answerOf, api } from "@/api/client";

/** A journey with the definition of a version, by default its newest. */
export function useJourney(key: string, version?: number) {
  return useQuery({
    queryKey: ["journey", key, version ?? null],
    queryFn: () =>
      answerOf(
        api.GET("/v1/journeys/{key}", {
          params: { path: { key }, query: version === undefined ? {} : { version } },
        }),
      ),
    // One that is not there does not come by waiting: it has a draft alone.
    refetchInterval: (query) => (query.state.status === "error" ? false : 10_000),
  });
}

/** The versions of a journey, the newest first: as many as a page of the API holds. */
export function useVersions(key: string) {
  return useQuery({
    queryKey: ["versions", key],
    queryFn: () =>
      answerOf(
        api.GET("/v1/journeys/{key}/versions", {
          params: { path: { key }, query: { limit: 100, changes: true } },
        }),
      ),
  });
}
