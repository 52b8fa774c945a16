import { List, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { answerOf, api } from "@/api/client";
import { type PlainKind, saveDocument } from "@/api/documents";
import type { Model } from "@/api/models";
import { ConfirmPreview } from "@/components/ConfirmPreview";
import { LoadingLine } from "@/components/LoadingLine";
import { ProblemNotice } from "@/components/ProblemNotice";
import { texts } from "@/texts";
import classes from "./documents.module.css";
import { UsedInWords } from "./UsedIn";

const words = texts.documents;

interface SaveDocumentProps {
  kind: PlainKind;
  document: string;
  text: string;
  onDone: () => void;
  onClose: () => void;
}

/** Says what saving a text would change, and for what; then saves it. */
export function SaveDocument({ kind, document, text, onDone, onClose }: SaveDocumentProps) {
  const body = {
    documents: [{ filename: `${document}.yaml`, source: text }],
    in_flight: "pin" as const,
    overdue: "send" as const,
  };
  const plan = useQuery({
    queryKey: ["plan", kind, document, text],
    queryFn: () => answerOf(api.POST("/v1/plan", { body })),
    staleTime: 0,
    retry: false,
  });
  const planned = plan.data?.documents[0];
  return (
    <ConfirmPreview
      title={words.saveTitle(words.kinds[kind], document)}
      confirm={words.confirm}
      blocked={planned === undefined}
      act={() => saveDocument(kind, document, text)}
      onDone={onDone}
      onClose={onClose}
      words={
        plan.isError ? (
          <ProblemNotice error={plan.error} />
        ) : planned === undefined ? (
          <LoadingLine />
        ) : (
          <Plan planned={planned} kind={kind} document={document} />
        )
      }
    />
  );
}

interface PlanProps {
  planned: Model<"PlannedDocument">;
  kind: PlainKind;
  document: string;
}

function Plan({ planned, kind, document }: PlanProps) {
  const { change, changes, lacking = [], version, warnings } = planned;
  const thoughts = [
    ...warnings,
    ...lacking.map((each) => texts.publishing.lacking(each.attribute, each.contacts, each.of)),
  ];
  return (
    <Stack gap="xs">
      {change === "unchanged" ? (
        <Text>{words.layoutAlone}</Text>
      ) : (
        <>
          <Text>{words.becomes(version)}</Text>
          {change === "created" ? (
            <Text>{texts.publishing.created}</Text>
          ) : (
            <>
              <Title order={3}>{texts.publishing.changes}</Title>
              <Changes changes={changes} />
              <UsedInWords kind={kind} document={document} />
            </>
          )}
        </>
      )}
      {thoughts.length > 0 && (
        <>
          <Title order={3}>{texts.publishing.warnings}</Title>
          <List size="sm">
            {thoughts.map((thought) => (
              <List.Item key={thought}>{thought}</List.Item>
            ))}
          </List>
        </>
      )}
    </Stack>
  );
}

/** Changes as sentences, with the lines of texts that change. */
export function Changes({ changes }: { changes: readonly Model<"Change">[] }) {
  return (
    <>
      {changes.map((change) => (
        <div key={change.sentence}>
          <Text size="sm">{change.sentence}</Text>
          {change.lines !== null && <pre className={classes.lines}>{change.lines}</pre>}
        </div>
      ))}
    </>
  );
}
