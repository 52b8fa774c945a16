import { texts } from "@/texts";
import { type Column, DataTable } from "./DataTable";
import { type Changed, differences } from "./facts";

interface DifferenceProps {
  before: Readonly<Record<string, unknown>> | null;
  after: Readonly<Record<string, unknown>> | null;
}

const words = texts.parts;

const COLUMNS: readonly Column<Changed>[] = [
  { key: "name", title: words.field, cell: (row) => row.name },
  {
    key: "before",
    title: words.before,
    cell: (row) =>
      row.before === null ? words.none : row.same ? row.before : <del>{row.before}</del>,
  },
  {
    key: "after",
    title: words.after,
    cell: (row) =>
      row.after === null ? words.none : row.same ? row.after : <ins>{row.after}</ins>,
  },
];

/** What was there before and after a change, field by field. */
export function Difference({ before, after }: DifferenceProps) {
  return (
    <DataTable
      label={words.difference}
      columns={COLUMNS}
      rows={differences(before, after)}
      rowKey={(row) => row.name}
      empty={words.noDifference}
    />
  );
}
