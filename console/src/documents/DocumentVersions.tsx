import { Button, List, Text } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { listVersions, type PlainKind, readDifference, restoreVersion } from "@/api/documents";
import type { Model } from "@/api/models";
import { useMay } from "@/api/session";
import { ComparedVersions } from "@/components/ComparedVersions";
import { ConfirmPreview } from "@/components/ConfirmPreview";
import type { Column } from "@/components/DataTable";
import { Instant } from "@/components/Instant";
import { Listing, useListing } from "@/components/Listing";
import { LoadingLine } from "@/components/LoadingLine";
import { ProblemNotice } from "@/components/ProblemNotice";
import { texts } from "@/texts";
import { Changes } from "./SaveDocument";
import { UsedInWords } from "./UsedIn";

const words = texts.journeys.versions;
const own = texts.documents;

type Edition = Model<"DocumentEditionBody">;

function columns(onReturn: ((version: number) => void) | null): readonly Column<Edition>[] {
  return [
    {
      key: "version",
      title: words.version,
      cell: (row) => (row.live ? `${row.version} · ${words.live}` : String(row.version)),
    },
    { key: "by", title: words.savedBy, cell: (row) => row.saved_by ?? texts.parts.none },
    { key: "at", title: words.savedAt, cell: (row) => <Instant at={row.created_at} /> },
    {
      key: "changes",
      title: words.changes,
      cell: (row) => <Sentences sentences={row.changes ?? []} />,
    },
    {
      key: "return",
      title: "",
      head: <span className="spoken">{own.restore}</span>,
      cell: (row) =>
        onReturn === null || row.live ? (
          texts.parts.none
        ) : (
          <Button
            variant="default"
            size="compact-sm"
            aria-label={own.restoreTo(row.version)}
            onClick={() => onReturn(row.version)}
          >
            {own.restore}
          </Button>
        ),
    },
  ];
}

function Sentences({ sentences }: { sentences: readonly string[] }) {
  if (sentences.length === 0) {
    return <span className="quiet">{words.first}</span>;
  }
  return (
    <List size="sm" listStyleType="none">
      {sentences.map((sentence) => (
        <List.Item key={sentence}>{sentence}</List.Item>
      ))}
    </List>
  );
}

interface DocumentVersionsProps {
  kind: PlainKind;
  document: string;
}

/** The versions of a document, who saved them, the changes between any two, and the way back. */
export function DocumentVersions({ kind, document }: DocumentVersionsProps) {
  const queries = useQueryClient();
  const mayEdit = useMay("edit");
  const versions = useListing<Edition>(["versions", kind, document], (cursor) =>
    listVersions(kind, document, cursor),
  );
  const [wanted, setWanted] = useState<number | null>(null);
  const rows = versions.data?.pages.flatMap((page) => page.items) ?? [];
  const numbers = rows.map((row) => row.version);
  return (
    <>
      <ComparedVersions versions={numbers}>
        {(before, after) => (
          <Comparison kind={kind} document={document} before={before} after={after} />
        )}
      </ComparedVersions>
      <Listing
        label={own.tabs.versions}
        query={versions}
        columns={columns(mayEdit ? setWanted : null)}
        rowKey={(row) => String(row.version)}
      />
      {wanted !== null && (
        <ConfirmPreview
          title={own.restoreTo(wanted)}
          confirm={own.restore}
          words={
            <>
              <Text>{own.restoreWords(wanted)}</Text>
              <UsedInWords kind={kind} document={document} />
            </>
          }
          act={() => restoreVersion(kind, document, wanted)}
          onClose={() => setWanted(null)}
          onDone={() => {
            setWanted(null);
            void queries.invalidateQueries({ queryKey: ["versions", kind, document] });
            void queries.invalidateQueries({ queryKey: ["document", kind, document] });
          }}
        />
      )}
    </>
  );
}

interface ComparisonProps extends DocumentVersionsProps {
  before: number;
  after: number;
}

function Comparison({ kind, document, before, after }: ComparisonProps) {
  const difference = useQuery({
    queryKey: ["difference", kind, document, before, after],
    queryFn: () => readDifference(kind, document, before, after),
  });
  if (difference.data === undefined) {
    return difference.isError ? <ProblemNotice error={difference.error} /> : <LoadingLine />;
  }
  const { changes } = difference.data;
  return (
    <section aria-label={words.compare}>
      {changes.length === 0 ? <Text>{words.same}</Text> : <Changes changes={changes} />}
    </section>
  );
}
