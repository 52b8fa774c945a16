import { useQuery } from "@tanstack/react-query";
import { answerOf, api } from "@/api/client";
import { useListing } from "@/components/Listing";

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

/** The versions of a journey to choose from, the newest first: the latest hundred. */
export function useVersions(key: string) {
  return useQuery({
    queryKey: ["versions", key],
    queryFn: () =>
      answerOf(
        api.GET("/v1/journeys/{key}/versions", {
          params: { path: { key }, query: { limit: 100 } },
        }),
      ),
  });
}

/** As many versions as the API compares at once. */
const COMPARED = 20;

/** The versions of a journey with what each of them changed, the newest first. */
export function useEditions(key: string) {
  return useListing(["editions", key], (cursor) =>
    answerOf(
      api.GET("/v1/journeys/{key}/versions", {
        params: {
          path: { key },
          query: {
            limit: COMPARED,
            changes: true,
            ...(cursor === undefined ? {} : { cursor: Number(cursor) }),
          },
        },
      }),
    ),
  );
}
