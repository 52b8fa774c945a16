import { useQuery } from "@tanstack/react-query";
import { answerOf, api } from "@/api/client";

/** The ids of the steps that a journey has figures of, in the order of the journey. */
export function useSteps(key: string): readonly string[] {
  const stats = useQuery({
    queryKey: ["stats", key, "steps"],
    queryFn: () => answerOf(api.GET("/v1/journeys/{key}/stats", { params: { path: { key } } })),
    staleTime: 60_000,
  });
  return stats.data?.steps.map((step) => step.id) ?? [];
}
