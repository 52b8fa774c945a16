import { Button, List, Text } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import type { Model } from "@/api/models";
import { useMay } from "@/api/session";
import { ComparedVersions } from "@/components/ComparedVersions";
import type { Column } from "@/components/DataTable";
import { figure } from "@/components/figures";
import { Instant } from "@/components/Instant";
import { Listing } from "@/components/Listing";
import { LoadingLine } from "@/components/LoadingLine";
import { ProblemNotice } from "@/components/ProblemNotice";
import { texts } from "@/texts";
import { useDifference } from "./differences";
import { useEditions, useVersions } from "./journey";
import { Activate } from "./publish/Activate";

const words = texts.journeys.versions;

type Edition = Model<"Edition">;

function columns(onActivate: ((version: number) => void) | null): readonly Column<Edition>[] {
  return [
    {
      key: "version",
      title: words.version,
      cell: (row) => (row.live ? `${row.version} · ${words.live}` : String(row.version)),
    },
    { key: "by", title: words.savedBy, cell: (row) => row.saved_by ?? texts.parts.none },
    { key: "at", title: words.savedAt, cell: (row) => <Instant at={row.created_at} /> },
    { key: "runs", title: words.runs, number: true, cell: (row) => figure(row.active_runs) },
    {
      key: "changes",
      title: words.changes,
      cell: (row) => <Changes sentences={row.changes ?? []} />,
    },
    {
      key: "activate",
      title: "",
      head: <span className="spoken">{words.activate}</span>,
      cell: (row) =>
        onActivate === null || row.live ? (
          texts.parts.none
        ) : (
          <Button
            variant="default"
            size="compact-sm"
            aria-label={words.makeLive(row.version)}
            onClick={() => onActivate(row.version)}
          >
            {words.activate}
          </Button>
        ),
    },
  ];
}

function Changes({ sentences }: { sentences: readonly string[] }) {
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

/** The versions of a journey, who saved them, the changes between any two, and the way back. */
export function Versions({ journey }: { journey: string }) {
  const queries = useQueryClient();
  const mayOperate = useMay("operate");
  const [wanted, setWanted] = useState<number | null>(null);
  const versions = useVersions(journey);
  const editions = useEditions(journey);
  const numbers = versions.data?.items.map((row) => row.version) ?? [];
  return (
    <>
      <ComparedVersions versions={numbers}>
        {(before, after) => <Comparison journey={journey} before={before} after={after} />}
      </ComparedVersions>
      <Listing
        label={texts.journeys.tabs.versions}
        query={editions}
        columns={columns(mayOperate ? setWanted : null)}
        rowKey={(row) => String(row.version)}
      />
      {wanted !== null && (
        <Activate
          journey={journey}
          version={wanted}
          live={
            editions.data?.pages.flatMap((page) => page.items).find((each) => each.live)?.version ??
            null
          }
          onClose={() => setWanted(null)}
          onDone={() => {
            setWanted(null);
            for (const key of ["journey", "versions", "editions"]) {
              void queries.invalidateQueries({ queryKey: [key, journey] });
            }
          }}
        />
      )}
    </>
  );
}

interface ComparisonProps {
  journey: string;
  before: number;
  after: number;
}

function Comparison({ journey, before, after }: ComparisonProps) {
  const difference = useDifference(journey, before, after);
  if (difference.data === undefined) {
    return difference.isError ? <ProblemNotice error={difference.error} /> : <LoadingLine />;
  }
  const { changes } = difference.data;
  return (
    <section aria-label={words.compare}>
      {changes.length === 0 && <Text>{words.same}</Text>}
      {changes.map((change) => (
        <div key={change.sentence}>
          <Text>{change.sentence}</Text>
          {change.lines !== null && <pre>{change.lines}</pre>}
        </div>
      ))}
    </section>
  );
}
