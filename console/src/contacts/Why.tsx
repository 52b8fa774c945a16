import { Group, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { answerOf, api } from "@/api/client";
import type { Model } from "@/api/models";
import { withQuery } from "@/components/addresses";
import { Choice } from "@/components/Choice";
import type { Column } from "@/components/DataTable";
import { useFilter } from "@/components/filters";
import { Gates } from "@/components/Gates";
import { Instant } from "@/components/Instant";
import { Listing, useListing } from "@/components/Listing";
import { LoadingLine } from "@/components/LoadingLine";
import { Marked } from "@/components/Marked";
import { PlaceLink } from "@/components/PlaceLink";
import { ProblemNotice } from "@/components/ProblemNotice";
import { StateBadge } from "@/components/StateBadge";
import { useSteps } from "@/journeys/steps";
import { texts } from "@/texts";

const words = texts.contacts.why;

/** Why a contact got a message, did not, or not yet: every gate with what was seen there. */
export function Why({ contact }: { contact: string }) {
  const [journey, setJourney] = useFilter("journey");
  const [step, setStep] = useFilter("step");
  const journeys = useQuery({
    queryKey: ["journeys", "names"],
    queryFn: () => answerOf(api.GET("/v1/journeys", { params: { query: { limit: 500 } } })),
  });
  const explanation = useQuery({
    queryKey: ["explain", contact, journey, step],
    queryFn: () =>
      answerOf(
        api.GET("/v1/explain", {
          params: { query: { contact, journey, ...(step === "" ? {} : { step }) } },
        }),
      ),
    enabled: journey !== "",
  });
  return (
    <>
      <Group gap="sm" mb="md">
        <Choice
          label={words.journey}
          any={words.choose}
          value={journey}
          options={
            journeys.data?.items.map(({ key, name }) => ({
              value: key,
              label: name ?? key,
            })) ?? []
          }
          onChange={setJourney}
        />
        {journey !== "" && <StepChoice journey={journey} step={step} onChange={setStep} />}
      </Group>
      {journey === "" && <NotSent contact={contact} />}
      {explanation.isError && <ProblemNotice error={explanation.error} />}
      {explanation.isLoading && <LoadingLine />}
      {explanation.data !== undefined && (
        <>
          <Text fw={600} mb="sm">
            <Marked words={explanation.data.answer} />
          </Text>
          {explanation.data.waiting !== null &&
            !explanation.data.answer.includes(explanation.data.waiting.words) && (
              <Text mb="sm">
                <Marked words={explanation.data.waiting.words} />{" "}
                <Instant at={explanation.data.waiting.until} />
              </Text>
            )}
          <Gates gates={explanation.data.gates} />
        </>
      )}
    </>
  );
}

interface StepChoiceProps {
  journey: string;
  step: string;
  onChange: (step: string | null) => void;
}

function StepChoice({ journey, step, onChange }: StepChoiceProps) {
  const steps = useSteps(journey);
  return (
    <Choice
      label={words.step}
      any={words.anyStep}
      value={step}
      options={steps}
      onChange={onChange}
    />
  );
}

type Sent = Model<"LogBody">;

/** What should have gone to the contact, the newest first, each with the way to its explanation. */
function NotSent({ contact }: { contact: string }) {
  const sends = useListing<Sent>(["log", "sends", contact], (cursor) =>
    answerOf(
      api.GET("/v1/log", {
        params: {
          query: { contact, type: "send", limit: 20, ...(cursor === undefined ? {} : { cursor }) },
        },
      }),
    ),
  );
  return (
    <Listing
      label={words.sends}
      query={sends}
      columns={SENDS}
      rowKey={(row) => row.id}
      empty={words.noSends}
    />
  );
}

const SENDS: readonly Column<Sent>[] = [
  { key: "at", title: words.at, cell: (row) => <Instant at={row.at} /> },
  {
    key: "outcome",
    title: words.outcome,
    cell: (row) => (row.outcome === null ? texts.parts.none : <StateBadge state={row.outcome} />),
  },
  { key: "what", title: words.what, cell: (row) => row.summary },
  {
    key: "why",
    title: words.title,
    cell: (row) => (
      <PlaceLink to={withQuery("/why", { journey: row.journey, step: row.step })}>
        {words.title}
      </PlaceLink>
    ),
  },
];
