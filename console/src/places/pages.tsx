import { Route, Switch } from "wouter";
import { decoded } from "@/components/addresses";
import { CommandLine } from "@/components/CommandLine";
import type { Column } from "@/components/DataTable";
import { figure } from "@/components/figures";
import { DocumentList, type ListedDocument } from "@/documents/DocumentList";
import { NewDocument } from "@/documents/NewDocument";
import { texts } from "@/texts";
import { PlacesPage } from "./PlacesPage";

const words = texts.places;

const COLUMNS: readonly Column<ListedDocument>[] = [
  {
    key: "count",
    title: words.count,
    number: true,
    cell: ({ document: { list } }) =>
      Array.isArray(list) ? figure(list.length) : texts.parts.none,
  },
];

const EXAMPLES = [
  {
    id: "one",
    name: words.from,
    text: (key: string) => `places: ${key}\nlist:\n  - {name: Paris, lat: 48.8566, lon: 2.3522}\n`,
  },
] as const;

/** Searched beside the key: the names of the places. */
function namesIn({ document: { list } }: ListedDocument): string {
  return Array.isArray(list) ? list.map((place) => String(place?.name ?? "")).join(" ") : "";
}

/** The lists of places, and each of them by its key. */
export function pages() {
  return (
    <Switch>
      <Route path="/">
        <DocumentList
          kind="places"
          title={words.title}
          columns={COLUMNS}
          searched={namesIn}
          open={words.open}
          empty={
            <>
              {words.empty} <CommandLine command={words.emptyExample} />
            </>
          }
        />
      </Route>
      <Route path="/new">
        <NewDocument kind="places" title={words.open} examples={EXAMPLES} />
      </Route>
      <Route path="/:key" nest>
        {({ key }) => <PlacesPage places={decoded(key)} />}
      </Route>
    </Switch>
  );
}
