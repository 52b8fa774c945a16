import { useQuery } from "@tanstack/react-query";
import { answerOf, api } from "@/api/client";
import { figure } from "@/components/figures";
import { texts } from "@/texts";

const REFRESH = 15_000;

/** How many things need a person, beside the name of their place; nothing if all is well. */
export function AttentionCount() {
  const ready = useQuery({
    queryKey: ["readiness"],
    queryFn: () => answerOf(api.GET("/readyz")),
    refetchInterval: REFRESH,
  });
  const count = Object.values(ready.data?.attention ?? {}).reduce((sum, each) => sum + each, 0);
  if (count === 0) {
    return null;
  }
  return (
    <span className="count">
      <span aria-hidden>{figure(count)}</span>
      <span className="spoken">{texts.attention.menu(count)}</span>
    </span>
  );
}
