import { Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { answerOf, api } from "@/api/client";
import type { Model } from "@/api/models";
import { Gates } from "@/components/Gates";
import { Instant } from "@/components/Instant";
import { Marked } from "@/components/Marked";
import { PlaceLink } from "@/components/PlaceLink";
import { ProblemNotice } from "@/components/ProblemNotice";
import { Section } from "@/components/Section";
import { texts } from "@/texts";

const words = texts.runs;
const REFRESH = 5_000;

/** Where an active run stands and why, in the engine's words, with every question on the way. */
export function Standing({ run }: { run: Model<"RunDetail"> }) {
  const explanation = useQuery({
    queryKey: ["explain", run.contact, run.journey, "", run.step],
    queryFn: () =>
      answerOf(
        api.GET("/v1/explain", {
          params: { query: { contact: run.contact, journey: run.journey } },
        }),
      ),
    refetchInterval: REFRESH,
  });
  if (explanation.isError) {
    return <ProblemNotice error={explanation.error} retry={() => explanation.refetch()} />;
  }
  // A contact that has begun once more since then is explained by its newest run.
  if (explanation.data === undefined || explanation.data.run?.id !== run.id) {
    return null;
  }
  const { answer, gates } = explanation.data;
  const need = gates.find((gate) => gate.would_need !== null)?.would_need;
  return (
    <Section title={words.stands}>
      <Text fw={600}>
        <Marked words={answer} />
      </Text>
      {need !== undefined && (
        <Text>
          {words.needs} <Marked words={need ?? ""} />
        </Text>
      )}
      <LastSaid run={run} />
      {gates.length > 0 && (
        <details>
          <summary>{words.gates(gates.length)}</summary>
          <Gates gates={gates} />
        </details>
      )}
    </Section>
  );
}

/** What a provider said of the send at which the run stands, and the way to what holds it. */
function LastSaid({ run }: { run: Model<"RunDetail"> }) {
  const newest = run.visits.at(-1);
  if (newest === undefined || newest.outcome !== null) {
    return null;
  }
  const said = newest.message?.detail ?? null;
  return (
    <>
      {said !== null && (
        <Text className="quiet">
          {words.said(said)}{" "}
          {newest.due_at !== null && (
            <>
              {words.nextTry} <Instant at={newest.due_at} relative />
            </>
          )}
        </Text>
      )}
      {newest.held === "frozen" && (
        <Text>
          <PlaceLink to="~/health/freezes">{words.openFreezes}</PlaceLink>
        </Text>
      )}
    </>
  );
}
