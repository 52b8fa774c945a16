import { Route, Switch } from "wouter";
import type { Column } from "@/components/DataTable";
import { DocumentList, type ListedDocument } from "@/documents/DocumentList";
import { DocumentPage } from "@/documents/DocumentPage";
import { NewDocument } from "@/documents/NewDocument";
import { texts } from "@/texts";
import { BrandPreview } from "./BrandPreview";
import { EXAMPLES } from "./examples";

const words = texts.brands;

function textOf(row: ListedDocument, name: string): string {
  const value = row.document[name];
  return typeof value === "string" ? value : texts.parts.none;
}

const COLUMNS: readonly Column<ListedDocument>[] = [
  { key: "sender", title: words.name, cell: (row) => textOf(row, "name") },
  { key: "from", title: texts.fields.labels.from ?? "", cell: (row) => textOf(row, "from") },
];

/** The list of brands, and each of them by its key. */
export function pages() {
  return (
    <Switch>
      <Route path="/">
        <DocumentList
          kind="brand"
          title={words.title}
          columns={COLUMNS}
          searched={(row) => textOf(row, "name")}
          open={words.open}
          empty={words.empty}
        />
      </Route>
      <Route path="/new">
        <NewDocument kind="brand" title={words.open} examples={EXAMPLES} />
      </Route>
      <Route path="/:key" nest>
        {({ key }) => (
          <DocumentPage
            kind="brand"
            document={decodeURIComponent(key)}
            beside={(edited) => <BrandPreview edited={edited} />}
          />
        )}
      </Route>
    </Switch>
  );
}
