import { useQuery } from "@tanstack/react-query";
import { answerOf, api } from "@/api/client";
import type { Model } from "@/api/models";
import { Instant } from "@/components/Instant";
import { texts } from "@/texts";

type Statuses = Readonly<Record<string, string>>;
const REFRESH = 10_000;

/** What came back of the messages of a run, by the message. */
export function useStatuses(run: Model<"RunDetail">): ReadonlyMap<string, Statuses> {
  const sends = run.visits.some((visit) => visit.message_id !== null);
  const messages = useQuery({
    queryKey: ["run-messages", run.id],
    queryFn: () =>
      answerOf(
        api.GET("/v1/messages", {
          params: { query: { contact: run.contact, journey: run.journey, limit: 500 } },
        }),
      ),
    enabled: sends,
    refetchInterval: REFRESH,
  });
  return new Map(messages.data?.items.map((message) => [message.id, message.statuses]));
}

/** What came back of a message, with the time of each. */
export function CameBack({ statuses }: { statuses: Statuses | undefined }) {
  const found = Object.entries(statuses ?? {});
  if (found.length === 0) {
    return null;
  }
  return (
    <div>
      {texts.runs.cameBack}{" "}
      {found.map(([status, at], index) => (
        <span key={status}>
          {index > 0 && ", "}
          {status} <Instant at={at} />
        </span>
      ))}
    </div>
  );
}
