import { useQuery } from "@tanstack/react-query";
import { answerOf, api } from "@/api/client";

/** What is different between two versions of a journey, as a query. */
export function useDifference(journey: string, before: number, after: number) {
  return useQuery({
    queryKey: ["difference", journey, before, after],
    queryFn: () =>
      answerOf(
        api.GET("/v1/journeys/{key}/versions/{before}/diff/{after}", {
          params: { path: { key: journey, before, after } },
        }),
      ),
  });
}
