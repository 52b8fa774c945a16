import { useState } from "react";
import { Choice } from "@/components/Choice";
import { type Column, DataTable } from "@/components/DataTable";
import { figure } from "@/components/figures";
import { useFilter } from "@/components/filters";
import { Instant } from "@/components/Instant";
import { LoadingLine } from "@/components/LoadingLine";
import { ObjectLink } from "@/components/ObjectLink";
import { Page } from "@/components/Page";
import { ProblemNotice } from "@/components/ProblemNotice";
import { Section } from "@/components/Section";
import { texts } from "@/texts";
import { byKind, type Item, type Kind, useAttention } from "./attention";
import { Example } from "./Example";
import { Fix } from "./Fix";
import { FixDialog } from "./FixDialog";
import { Reason } from "./Reason";
import { causesFirst } from "./sentences";

const words = texts.attention;

function columnsOf(kind: Kind, fix: (item: Item) => void): readonly Column<Item>[] {
  return [
    { key: "subject", share: 15, title: words.subject, cell: (item) => subjectOf(item) },
    { key: "reason", share: 33, title: words.reason, cell: (item) => <Reason item={item} /> },
    {
      key: "since",
      share: 12,
      title: words.since,
      cell: (item) => <Instant at={item.since} relative />,
    },
    {
      key: "count",
      share: 8,
      title: kind === "coupons" ? words.left : words.count,
      number: true,
      cell: (item) => (item.at_least ? words.atLeast(figure(item.count)) : figure(item.count)),
    },
    { key: "example", share: 10, title: words.example, cell: (item) => <Example item={item} /> },
    {
      key: "fix",
      share: 22,
      title: words.fix,
      cell: (item) => <Fix item={item} onFix={() => fix(item)} />,
    },
  ];
}

/** A channel by its name, a journey with its step as the way to it. */
function subjectOf(item: Item) {
  if (item.kind === "frozen") {
    return words.channelNames[item.subject] ?? item.subject;
  }
  return item.journey === null ? (
    (item.kind === "providers" && words.providerNames[item.subject]) || item.subject
  ) : (
    <ObjectLink place="journeys" id={item.journey}>
      {item.subject}
    </ObjectLink>
  );
}

/** What needs a person, by kind, causes first: since when, how many, why, an example, and what helps. */
export function Attention() {
  const [within, setWithin] = useFilter("within");
  const found = useAttention(within);
  const items = found.data?.items ?? [];
  const [fixing, setFixing] = useState<Item | null>(null);
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
      {byKind(causesFirst(items)).map(([kind, rows]) => (
        <Section key={kind} title={words.kinds[kind]}>
          <DataTable
            label={words.kinds[kind]}
            columns={columnsOf(kind, setFixing)}
            rows={rows}
            rowKey={(item) => `${item.subject} ${item.reason} ${item.example}`}
          />
        </Section>
      ))}
      {fixing !== null && <FixDialog item={fixing} onClose={() => setFixing(null)} />}
    </Page>
  );
}
