import { Choice } from "@/components/Choice";
import { type Column, DataTable } from "@/components/DataTable";
import { figure } from "@/components/figures";
import { useFilter } from "@/components/filters";
import { Instant } from "@/components/Instant";
import { LoadingLine } from "@/components/LoadingLine";
import { Page } from "@/components/Page";
import { ProblemNotice } from "@/components/ProblemNotice";
import { Section } from "@/components/Section";
import { texts } from "@/texts";
import { byKind, type Item, type Kind, useAttention } from "./attention";
import { Example } from "./Example";
import { Fix } from "./Fix";

const words = texts.attention;

const COLUMNS: readonly Column<Item>[] = [
  { key: "subject", title: words.subject, share: 20, cell: (item) => item.subject },
  {
    key: "reason",
    title: words.reason,
    share: 20,
    cell: (item) => (item.reason === null ? texts.parts.none : <code>{item.reason}</code>),
  },
  {
    key: "since",
    title: words.since,
    share: 12,
    cell: (item) => <Instant at={item.since} relative />,
  },
  {
    key: "count",
    title: words.count,
    share: 10,
    number: true,
    cell: (item) => (item.at_least ? words.atLeast(figure(item.count)) : figure(item.count)),
  },
  { key: "example", title: words.example, share: 14, cell: (item) => <Example item={item} /> },
  { key: "fix", title: words.fix, cell: (item) => <Fix item={item} /> },
];

function columnsOf(kind: Kind): readonly Column<Item>[] {
  return kind === "coupons"
    ? COLUMNS.map((column) => (column.key === "count" ? { ...column, title: words.left } : column))
    : COLUMNS;
}

/** What needs a person, by kind: since when, how many, why, an example, and what helps. */
export function Attention() {
  const [within, setWithin] = useFilter("within");
  const found = useAttention(within);
  const items = found.data?.items ?? [];
  const { "": usual, ...others } = words.windows;
  return (
    <Page
      title={words.title}
      line={found.data && (items.length === 0 ? words.calm : words.line(items.length))}
      actions={
        <Choice
          label={words.within}
          any={usual}
          value={within}
          options={Object.entries(others).map(([value, label]) => ({ value, label }))}
          onChange={setWithin}
        />
      }
    >
      {found.isError && <ProblemNotice error={found.error} retry={() => found.refetch()} />}
      {found.data === undefined && !found.isError && <LoadingLine />}
      {byKind(items).map(([kind, rows]) => (
        <Section key={kind} title={words.kinds[kind]}>
          <DataTable
            label={words.kinds[kind]}
            columns={columnsOf(kind)}
            rows={rows}
            rowKey={(item) => `${item.subject} ${item.reason} ${item.example}`}
          />
        </Section>
      ))}
    </Page>
  );
}
