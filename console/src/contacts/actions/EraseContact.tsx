import { Checkbox, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import { useLocation } from "wouter";
import { answerOf, api } from "@/api/client";
import type { Model } from "@/api/models";
import { BASE } from "@/app/base";
import { ConfirmPreview } from "@/components/ConfirmPreview";
import { type Column, DataTable } from "@/components/DataTable";
import { figure } from "@/components/figures";
import { LoadingLine } from "@/components/LoadingLine";
import { ProblemNotice } from "@/components/ProblemNotice";
import { nameOf } from "@/contacts/naming";
import { texts } from "@/texts";
import type { ContactDialogProps } from "./dialog";
import { useHeld } from "./held";
import { useActiveRuns } from "./RemoveFromJourneys";

const words = texts.acting.erase;
const LOCATION = /^\/v1(\/erasures\/[0-9a-f-]{36})$/;

/** Erases a contact: what goes is counted before, and its name is typed to confirm. */
export function EraseContact({ body, contact, onClose }: ContactDialogProps) {
  const [, navigate] = useLocation();
  const [typed, setTyped] = useState("");
  const [suppress, setSuppress] = useState(false);
  const held = useHeld(contact);
  const runs = useActiveRuns(contact);
  const name = nameOf(body);
  return (
    <ConfirmPreview
      title={words.title}
      words={
        held.isError ? (
          <ProblemNotice error={held.error} />
        ) : held.data === undefined ? (
          <LoadingLine />
        ) : (
          <>
            <Text fw={600}>{words.words(name)}</Text>
            <Text>{words.runs(runs.data?.length ?? 0)}</Text>
            <HeldRows held={held.data} />
            <Text className="quiet">{words.stays}</Text>
          </>
        )
      }
      confirm={words.confirm}
      blocked={held.data === undefined || typed.trim() !== name}
      danger
      act={() => erase(contact, suppress)}
      onDone={(report) => navigate(`~${BASE}${report}`, { replace: true })}
      onClose={onClose}
    >
      <Checkbox
        label={words.suppress}
        checked={suppress}
        onChange={(event) => setSuppress(event.currentTarget.checked)}
      />
      <TextInput
        label={words.type(name)}
        value={typed}
        autoComplete="off"
        onChange={(event) => setTyped(event.currentTarget.value)}
        required
        data-autofocus
      />
    </ConfirmPreview>
  );
}

/** Erases a contact; the place of the report. */
async function erase(contact: string, suppress: boolean): Promise<string> {
  const answer = await api.DELETE("/v1/contacts/{contact}", {
    params: { path: { contact }, query: { suppress } },
  });
  await answerOf(Promise.resolve(answer));
  return LOCATION.exec(answer.response.headers.get("Location") ?? "")?.[1] ?? "/erasures";
}

interface HeldRow {
  kind: string;
  count: number;
  /** Whether there may be more than were counted. */
  more: boolean;
}

const ROWS: readonly Column<HeldRow>[] = [
  { key: "kind", title: words.kind, cell: ({ kind }) => texts.erasures.kinds[kind] ?? kind },
  {
    key: "count",
    title: words.count,
    number: true,
    cell: ({ count, more }) => (more ? words.atLeast(figure(count)) : figure(count)),
  },
];

function HeldRows({ held }: { held: Model<"ErasurePreview"> }) {
  return (
    <DataTable
      label={words.rows}
      columns={ROWS}
      rows={Object.entries(held.rows).map(([kind, count]) => ({
        kind,
        count,
        more: held.more.includes(kind),
      }))}
      rowKey={({ kind }) => kind}
    />
  );
}
