import { useQuery } from "@tanstack/react-query";
import { answerOf, api } from "@/api/client";
import { useMay } from "@/api/session";

/** How many contacts are subscribed to each topic. */
export function useConsents() {
  return useQuery({
    queryKey: ["consents"],
    queryFn: () => answerOf(api.GET("/v1/consents")),
    refetchInterval: 60_000,
    enabled: useMay("read"),
  });
}
