import { Text } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { answerOf, api } from "@/api/client";
import { isNotFound } from "@/api/problems";
import { type Column, DataTable } from "@/components/DataTable";
import { FactLine } from "@/components/FactLine";
import { figure } from "@/components/figures";
import { Instant } from "@/components/Instant";
import { JobProgress } from "@/components/JobProgress";
import { LoadingLine } from "@/components/LoadingLine";
import { Page } from "@/components/Page";
import { ProblemNotice } from "@/components/ProblemNotice";
import { Section } from "@/components/Section";
import { StateBadge } from "@/components/StateBadge";
import { texts } from "@/texts";

const words = texts.erasures;
const REFRESH = 1_000;

const COLUMNS: readonly Column<[string, number]>[] = [
  { key: "kind", title: texts.acting.erase.kind, cell: ([kind]) => words.kinds[kind] ?? kind },
  { key: "rows", title: words.rows, number: true, cell: ([, rows]) => figure(rows) },
];

/** The report of an erasure: how far its job is, and what was removed. */
export function ErasurePage({ id }: { id: string }) {
  const queries = useQueryClient();
  // What other pages have read of the contact is forgotten with it.
  useEffect(() => queries.removeQueries({ type: "inactive" }), [queries]);
  const erasure = useQuery({
    queryKey: ["erasure", id],
    queryFn: () =>
      answerOf(api.GET("/v1/erasures/{erasure}", { params: { path: { erasure: id } } })),
    refetchInterval: (query) => (query.state.data?.state === "done" ? false : REFRESH),
  });
  if (erasure.data === undefined) {
    return erasure.isError ? (
      <Page title={words.one}>
        {isNotFound(erasure.error) ? (
          <p>{texts.parts.notFound}</p>
        ) : (
          <ProblemNotice error={erasure.error} retry={() => erasure.refetch()} />
        )}
      </Page>
    ) : (
      <LoadingLine />
    );
  }
  const report = erasure.data;
  return (
    <Page
      title={words.one}
      line={
        <FactLine
          facts={[
            { name: words.state, value: <StateBadge state={report.state} /> },
            { name: words.at, value: <Instant at={report.requested_at} /> },
            { name: words.by, value: report.requested_by },
            report.finished_at !== null && {
              name: words.ended,
              value: <Instant at={report.finished_at} />,
            },
            { name: words.suppressed, value: figure(report.suppressed) },
          ]}
        />
      }
    >
      <Text mb="md">{report.state === "done" ? words.gone : words.working}</Text>
      {report.job !== null && <JobProgress id={report.job} />}
      <Section title={words.removed}>
        <DataTable
          label={words.removed}
          columns={COLUMNS}
          rows={Object.entries(report.removed)}
          rowKey={([kind]) => kind}
        />
      </Section>
    </Page>
  );
}
