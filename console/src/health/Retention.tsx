import { Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { answerOf, api } from "@/api/client";
import type { Model } from "@/api/models";
import { useMay } from "@/api/session";
import { type Column, DataTable } from "@/components/DataTable";
import { factName, factWords } from "@/components/facts";
import { Instant } from "@/components/Instant";
import { LoadingLine } from "@/components/LoadingLine";
import { ProblemNotice } from "@/components/ProblemNotice";
import { Section } from "@/components/Section";
import { durationWords } from "@/moments/durations";
import { texts } from "@/texts";

const words = texts.health;

type Report = Model<"RetentionReport">;

const KEEP: readonly Column<[string, string]>[] = [
  { key: "kind", title: words.kind, cell: ([kind]) => words.kinds[kind] ?? factName(kind) },
  { key: "keep", title: words.keep, number: true, cell: ([, keep]) => durationWords(keep) },
];

const REPORTS: readonly Column<Report>[] = [
  { key: "started", title: words.started, cell: (row) => <Instant at={row.started_at} /> },
  { key: "ended", title: words.ended, cell: (row) => <Instant at={row.ended_at} /> },
  { key: "removed", title: words.removed, cell: (row) => factWords(row.removed) },
];

/** How long data are kept, what is exempt, and what was removed lately. */
export function Retention() {
  const may = useMay("operate");
  const retention = useQuery({
    queryKey: ["retention"],
    queryFn: () => answerOf(api.GET("/v1/retention")),
    enabled: may,
  });
  if (!may) {
    return <p>{words.mayNot}</p>;
  }
  if (retention.data === undefined) {
    return retention.isError ? (
      <ProblemNotice error={retention.error} retry={() => retention.refetch()} />
    ) : (
      <LoadingLine />
    );
  }
  const { keep, exempt_events, reports } = retention.data;
  return (
    <>
      <Section title={words.kept}>
        <DataTable
          label={words.kept}
          columns={KEEP}
          rows={Object.entries(keep)}
          rowKey={([kind]) => kind}
        />
        <Text size="sm" mt="sm" className="quiet">
          {exempt_events.length === 0
            ? words.noExempt
            : `${words.exempt} ${exempt_events.join(", ")}`}
        </Text>
      </Section>
      <Section title={words.reports}>
        <DataTable
          label={words.reports}
          columns={REPORTS}
          rows={reports}
          rowKey={(row) => row.started_at}
          empty={words.noReports}
        />
      </Section>
    </>
  );
}
