import { Route, Switch } from "wouter";
import { decoded } from "@/components/addresses";
import { CommandLine } from "@/components/CommandLine";
import type { Column } from "@/components/DataTable";
import { DocumentList, type ListedDocument } from "@/documents/DocumentList";
import { DocumentPage } from "@/documents/DocumentPage";
import { NewDocument } from "@/documents/NewDocument";
import { Holdout } from "@/journeys/experiments/Holdouts";
import { texts } from "@/texts";

const words = texts.holdouts;

function textOf(value: unknown): string {
  return typeof value === "string" ? value : texts.parts.none;
}

const COLUMNS: readonly Column<ListedDocument>[] = [
  { key: "named", title: words.named, cell: ({ document }) => textOf(document.name) },
  {
    key: "share",
    title: words.share,
    number: true,
    cell: ({ document }) => textOf(document.share),
  },
  {
    key: "journeys",
    title: words.journeys,
    cell: ({ document: { journeys }, updatedAt }) =>
      Array.isArray(journeys)
        ? words.someJourneys(journeys.length)
        : updatedAt === null
          ? texts.parts.none
          : words.allJourneys,
  },
];

const EXAMPLES = [
  {
    id: "all",
    name: words.from.all,
    text: (key: string) => `holdout: ${key}\nshare: 5%\njourneys: all\n`,
  },
  {
    id: "one",
    name: words.from.one,
    text: (key: string) => `holdout: ${key}\nshare: 10%\njourneys: [my-journey]\n`,
  },
] as const;

/** The list of holdouts, and each of them by its key. */
export function pages() {
  return (
    <Switch>
      <Route path="/">
        <DocumentList
          kind="holdout"
          title={words.title}
          columns={COLUMNS}
          searched={({ document }) => textOf(document.name)}
          open={words.open}
          empty={
            <>
              {words.empty} <CommandLine command={words.emptyExample} />
            </>
          }
        />
      </Route>
      <Route path="/new">
        <NewDocument kind="holdout" title={words.open} examples={EXAMPLES} />
      </Route>
      <Route path="/:key" nest>
        {({ key }) => <HoldoutPage holdout={decoded(key)} />}
      </Route>
    </Switch>
  );
}

function HoldoutPage({ holdout }: { holdout: string }) {
  return (
    <DocumentPage
      kind="holdout"
      document={holdout}
      tabs={[{ path: "/results", name: words.tab, content: <Holdout holdout={holdout} /> }]}
    />
  );
}
