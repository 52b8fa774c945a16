import { List, SegmentedControl, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { answerOf, api } from "@/api/client";
import type { Model } from "@/api/models";
import { ConfirmPreview } from "@/components/ConfirmPreview";
import { LoadingLine } from "@/components/LoadingLine";
import { ProblemNotice } from "@/components/ProblemNotice";
import { texts } from "@/texts";

const words = texts.publishing;

type Policy = "pin" | "follow";
type Planned = Model<"PlannedDocument">;
type Preview = Model<"Preview">;

interface PublishProps {
  journey: string;
  text: string;
  onDone: () => void;
  onClose: () => void;
}

/** Says what publishing a text would change, and for whom; then makes it live. */
export function Publish({ journey, text, onDone, onClose }: PublishProps) {
  const [policy, setPolicy] = useState<Policy>("pin");
  const body = {
    documents: [{ filename: `${journey}.yaml`, source: text }],
    in_flight: policy,
    overdue: "send" as const,
  };
  const plan = useQuery({
    queryKey: ["plan", journey, text, policy],
    queryFn: () => answerOf(api.POST("/v1/plan", { body })),
    staleTime: 0,
    retry: false,
  });
  const documents = plan.data?.documents ?? [];
  const unchanged = documents.length > 0 && documents.every((each) => each.change === "unchanged");
  return (
    <ConfirmPreview
      title={words.title(journey)}
      confirm={words.confirm}
      blocked={plan.data === undefined || unchanged}
      act={() => answerOf(api.POST("/v1/apply", { body }))}
      onDone={onDone}
      onClose={onClose}
      words={
        plan.isError ? (
          <ProblemNotice error={plan.error} />
        ) : plan.data === undefined ? (
          <LoadingLine />
        ) : unchanged ? (
          <Text>{words.nothing}</Text>
        ) : (
          documents.map((document) => (
            <PlanOf key={`${document.kind} ${document.key}`} document={document} />
          ))
        )
      }
    >
      {documents.some((document) => (document.in_flight?.total ?? 0) > 0) && (
        <SegmentedControl
          size="xs"
          aria-label={words.inFlight}
          value={policy}
          data={[
            { value: "pin", label: words.pin },
            { value: "follow", label: words.follow },
          ]}
          onChange={(next) => setPolicy(next === "follow" ? "follow" : "pin")}
        />
      )}
    </ConfirmPreview>
  );
}

function PlanOf({ document }: { document: Planned }) {
  const { backfills = [], lacking = [] } = document;
  if (document.change === "unchanged") {
    return null;
  }
  return (
    <Stack gap="xs" mb="sm">
      <Text>{words.becomes(document.version)}</Text>
      <Title order={3}>{words.changes}</Title>
      <Lines
        lines={
          document.change === "created"
            ? [words.created]
            : document.changes.map((change) => change.sentence)
        }
      />
      {document.in_flight !== null && <InFlight preview={document.in_flight} />}
      {document.preview_job !== null && <Text>{words.job}</Text>}
      <Lines lines={backfills.map((each) => words.enters(each.enter, each.of))} />
      {document.warnings.length + lacking.length > 0 && (
        <>
          <Title order={3}>{words.warnings}</Title>
          <Lines
            lines={[
              ...document.warnings,
              ...lacking.map((each) => words.lacking(each.attribute, each.contacts, each.of)),
            ]}
          />
        </>
      )}
    </Stack>
  );
}

function InFlight({ preview }: { preview: Preview }) {
  const { moves, sent_at_once: atOnce, stays, total } = preview;
  return (
    <>
      <Title order={3}>{words.inFlight}</Title>
      <Lines
        lines={[
          total === 0 ? words.none : words.under(total),
          ...moves.map((each) => words.moves(each.runs, each.step, each.to)),
          ...stays.map((each) =>
            words.stays(each.runs, each.step ?? words.beginning, words.staying[each.reason]),
          ),
          words.sentAtOnce(atOnce.count),
          ...atOnce.contacts,
        ]}
      />
    </>
  );
}

function Lines({ lines }: { lines: readonly string[] }) {
  if (lines.length === 0) {
    return null;
  }
  return (
    <List size="sm">
      {lines.map((line) => (
        <List.Item key={line}>{line}</List.Item>
      ))}
    </List>
  );
}
