import { Text } from "@mantine/core";
import type { Place } from "@/app/places";
import { type Column, DataTable } from "@/components/DataTable";
import { LoadingLine } from "@/components/LoadingLine";
import { ObjectLink } from "@/components/ObjectLink";
import { ProblemNotice } from "@/components/ProblemNotice";
import { StateBadge } from "@/components/StateBadge";
import { texts } from "@/texts";
import { type Use, type UsedKind, useUses } from "./uses";

const words = texts.documents;

/** Where the documents of a kind are shown; a kind without a page of its own has no place. */
const PLACES: Readonly<Partial<Record<Use["by"], Place["id"]>>> = {
  brand: "brands",
  form: "forms",
  holdout: "holdouts",
  journey: "journeys",
  segment: "segments",
  template: "templates",
  topic: "topics",
} as const;

/** The name of a document that uses another, as a link to its page where it has one. */
export function UserLink({ use }: { use: Use }) {
  const place = PLACES[use.by];
  const name = use.name ?? use.by_key;
  return place === undefined ? (
    name
  ) : (
    <ObjectLink place={place} id={use.by_key}>
      {name}
    </ObjectLink>
  );
}

const COLUMNS: readonly Column<Use>[] = [
  { key: "name", title: words.name, cell: (use) => <UserLink use={use} /> },
  { key: "kind", title: words.kind, cell: (use) => words.kinds[use.by] },
  {
    key: "state",
    title: words.state,
    cell: (use) => (use.state === null ? texts.parts.none : <StateBadge state={use.state} />),
  },
  {
    key: "steps",
    title: words.steps,
    cell: (use) => (use.steps.length === 0 ? texts.parts.none : use.steps.join(", ")),
  },
  {
    key: "version",
    title: words.where,
    cell: (use) => (use.live ? words.live : words.notLive),
  },
];

/** What uses this thing: documents, with the steps that name it. */
export function UsedIn({ kind, document }: { kind: UsedKind; document: string }) {
  const uses = useUses(kind, document);
  if (uses.data === undefined) {
    return uses.isError ? (
      <ProblemNotice error={uses.error} retry={() => uses.refetch()} />
    ) : (
      <LoadingLine />
    );
  }
  return (
    <DataTable
      label={words.tabs.uses}
      columns={COLUMNS}
      rows={uses.data}
      rowKey={(use) => `${use.by} ${use.by_key}`}
      empty={words.usedNowhere}
    />
  );
}

/** In words, which documents name this one, before it changes for all of them. */
export function UsedInWords({ kind, document }: { kind: UsedKind; document: string }) {
  const uses = useUses(kind, document);
  if (uses.data === undefined) {
    return uses.isError ? <ProblemNotice error={uses.error} /> : <LoadingLine />;
  }
  const names = uses.data.map((use) => words.use(words.kinds[use.by], use.name ?? use.by_key));
  return <Text>{names.length === 0 ? words.usedNowhere : words.usedIn(names.join(", "))}</Text>;
}
