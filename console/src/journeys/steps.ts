import { useQuery } from "@tanstack/react-query";
import { answerOf, api } from "@/api/client";

/** The ids of the steps that a journey has figures of, in its order; none without a journey. */
export function useSteps(key: string | null): readonly string[] {
  const stats = useQuery({
    queryKey: ["stats", key, "steps"],
    queryFn: () =>
      answerOf(api.GET("/v1/journeys/{key}/stats", { params: { path: { key: key ?? "" } } })),
    enabled: key !== null,
    staleTime: 60_000,
  });
  return stats.data?.steps.map((step) => step.id) ?? [];
}
