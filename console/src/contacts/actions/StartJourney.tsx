import { NativeSelect, Text, Textarea } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { answerOf, api } from "@/api/client";
import type { Model } from "@/api/models";
import { wordsOf } from "@/builder/describing";
import { kindName } from "@/builder/graph/cardWords";
import { readValues } from "@/builder/trial/script";
import { ConfirmPreview } from "@/components/ConfirmPreview";
import { Gates } from "@/components/Gates";
import { LoadingLine } from "@/components/LoadingLine";
import { ProblemNotice } from "@/components/ProblemNotice";
import { nameOf } from "@/contacts/naming";
import { texts } from "@/texts";
import { type ContactDialogProps, useContactChanged } from "./dialog";

const words = texts.acting.start;
const SHOWN = 4;
const PAUSE = 250;

/** Starts a journey for a contact, after the server has said whether it would enter, and why not. */
export function StartJourney({ body, contact, onClose }: ContactDialogProps) {
  const changed = useContactChanged();
  const [journey, setJourney] = useState("");
  const [data, setData] = useState("");
  // One key for the dialog: if the answer is lost, a second try does not start a second run.
  const [once] = useState(() => crypto.randomUUID());
  const journeys = useActiveJourneys();
  const read = readValues(data);
  const wanted = JSON.stringify(read.ok ? read.read : null);
  const [asked] = useDebouncedValue(wanted, PAUSE);
  const preview = useQuery({
    queryKey: ["start-preview", contact, journey, asked],
    queryFn: () => previewStart(journey, contact, JSON.parse(asked)),
    enabled: journey !== "" && asked !== "null",
    staleTime: 0,
  });
  const enters = preview.data?.enter === 1;
  const name = journeys.find((each) => each.key === journey)?.name ?? journey;
  return (
    <ConfirmPreview
      title={words.title}
      words={
        journey === "" ? (
          words.first
        ) : preview.isError ? (
          <ProblemNotice error={preview.error} />
        ) : preview.data === undefined ? (
          <LoadingLine />
        ) : enters ? (
          <>
            <Text fw={600}>{words.enters(nameOf(body), name)}</Text>
            <FirstSteps journey={journey} />
          </>
        ) : (
          <>
            <Text fw={600}>
              {words.refused(nameOf(body), name, Object.values(preview.data.reasons).join("; "))}
            </Text>
            <Asked contact={contact} journey={journey} />
          </>
        )
      }
      confirm={words.confirm}
      blocked={!enters || asked !== wanted}
      act={() =>
        answerOf(
          api.POST("/v1/journeys/{key}/runs", {
            params: { path: { key: journey } },
            body: { contact, properties: read.ok ? read.read : {}, idempotency_key: once },
          }),
        )
      }
      onDone={() => {
        void changed();
        onClose();
      }}
      onClose={onClose}
    >
      <NativeSelect
        label={words.journey}
        value={journey}
        data={[
          { value: "", label: journeys.length === 0 ? words.none : words.choose },
          ...journeys.map((each) => ({ value: each.key, label: each.name ?? each.key })),
        ]}
        onChange={(event) => setJourney(event.currentTarget.value)}
        data-autofocus
      />
      <Textarea
        label={words.data}
        description={words.dataHint}
        autosize
        minRows={2}
        value={data}
        error={read.ok ? undefined : words.wrongData(read.wrong.line)}
        onChange={(event) => setData(event.currentTarget.value)}
      />
    </ConfirmPreview>
  );
}

/** The journeys that can be begun. */
export function useActiveJourneys(): readonly Model<"JourneySummary">[] {
  const read = useQuery({
    queryKey: ["journeys", "names"],
    queryFn: () => answerOf(api.GET("/v1/journeys", { params: { query: { limit: 500 } } })),
  });
  return read.data?.items.filter((each) => each.state === "active") ?? [];
}

async function previewStart(
  journey: string,
  contact: string,
  properties: Record<string, unknown>,
): Promise<Model<"BulkPreview">> {
  const answer = await answerOf(
    api.POST("/v1/journeys/{key}/runs/bulk", {
      params: { path: { key: journey }, query: { preview: true } },
      body: { contacts: [contact], properties },
    }),
  );
  return answer as Model<"BulkPreview">;
}

/** What comes first in a journey, in the engine's words. */
function FirstSteps({ journey }: { journey: string }) {
  const steps = useQuery({
    queryKey: ["first-steps", journey],
    queryFn: () => firstSteps(journey),
    staleTime: 60_000,
  });
  if (steps.data === undefined || steps.data.length === 0) {
    return null;
  }
  return (
    <>
      <Text>{words.begins}</Text>
      <ol>
        {steps.data.map(({ id, said }) => (
          <li key={id}>{said}</li>
        ))}
      </ol>
    </>
  );
}

async function firstSteps(journey: string) {
  const found = await answerOf(
    api.GET("/v1/journeys/{key}", { params: { path: { key: journey } } }),
  );
  const version = found.active_version;
  const live =
    version === null || version === found.version
      ? found
      : await answerOf(
          api.GET("/v1/journeys/{key}", {
            params: { path: { key: journey }, query: { version } },
          }),
        );
  const described = await answerOf(
    api.POST("/v1/documents/describe", { body: { text: live.source } }),
  );
  return described.steps
    .filter((step) => step.path.length === 2)
    .slice(0, SHOWN)
    .map((step, place) => ({
      id: step.id ?? String(place),
      said: [step.kind === null ? "" : kindName(step.kind), wordsOf(step)]
        .filter(Boolean)
        .join(": "),
    }));
}

/** The questions that the engine would ask of an entry, with what it saw. */
function Asked({ contact, journey }: { contact: string; journey: string }) {
  const explanation = useQuery({
    queryKey: ["explain", contact, journey, ""],
    queryFn: () => answerOf(api.GET("/v1/explain", { params: { query: { contact, journey } } })),
  });
  const gates = explanation.data?.gates ?? [];
  return gates.length === 0 ? null : (
    <details>
      <summary>{words.again}</summary>
      <Gates gates={gates} />
    </details>
  );
}
