import { useQuery } from "@tanstack/react-query";
import { answerOf, api } from "@/api/client";
import { texts } from "@/texts";

const words = texts.health;

/** Whether the API takes calls, in a line. */
export function Readiness() {
  const ready = useQuery({
    queryKey: ["readiness"],
    queryFn: () => answerOf(api.GET("/readyz")),
    refetchInterval: 5_000,
  });
  if (ready.isPending) {
    return null;
  }
  return (
    <span className="state" data-state={ready.isError ? "failed" : "good"}>
      {ready.isError ? words.notReady : words.ready}
    </span>
  );
}
