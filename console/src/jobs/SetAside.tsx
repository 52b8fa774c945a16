import type { Model } from "@/api/models";
import { type Column, DataTable } from "@/components/DataTable";
import { ObjectLink } from "@/components/ObjectLink";
import { Section } from "@/components/Section";
import { texts } from "@/texts";

const words = texts.jobs;

type Run = Model<"SetAside">;

const COLUMNS: readonly Column<Run>[] = [
  {
    key: "run",
    title: words.run,
    cell: (row) => (
      <ObjectLink place="runs" id={row.run}>
        <code>{row.run}</code>
      </ObjectLink>
    ),
  },
  { key: "code", title: words.code, cell: (row) => <code>{row.code}</code> },
];

/** The runs that a job has set aside because of a fault. */
export function SetAside({ runs }: { runs: readonly Run[] }) {
  return (
    <Section title={words.setAside}>
      <DataTable label={words.setAside} columns={COLUMNS} rows={runs} rowKey={(row) => row.run} />
    </Section>
  );
}
