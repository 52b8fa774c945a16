import { Route, Switch } from "wouter";
import { decoded } from "@/components/addresses";
import { CommandLine } from "@/components/CommandLine";
import type { Column } from "@/components/DataTable";
import { figure } from "@/components/figures";
import { DocumentList, type ListedDocument } from "@/documents/DocumentList";
import { DocumentPage } from "@/documents/DocumentPage";
import { NewDocument } from "@/documents/NewDocument";
import { texts } from "@/texts";

const words = texts.testRecipients;

function lengthOf(value: unknown): number {
  return Array.isArray(value) ? value.length : 0;
}

const COLUMNS: readonly Column<ListedDocument>[] = (["emails", "phones"] as const).map((key) => ({
  key,
  title: words[key],
  number: true,
  cell: ({ document }) => figure(lengthOf(document[key])),
}));

const EXAMPLES = [
  {
    id: "emails",
    name: words.from,
    text: (key: string) => `test_recipients: ${key}\nemails:\n  - me@example.com\n`,
  },
] as const;

/** The lists of addresses that tests may go to, and each of them by its key. */
export function pages() {
  return (
    <Switch>
      <Route path="/">
        <DocumentList
          kind="test_recipients"
          title={words.title}
          columns={COLUMNS}
          open={words.open}
          empty={
            <>
              {words.empty} <CommandLine command={words.emptyExample} />
            </>
          }
        />
      </Route>
      <Route path="/new">
        <NewDocument kind="test_recipients" title={words.open} examples={EXAMPLES}>
          <p>{words.line}</p>
        </NewDocument>
      </Route>
      <Route path="/:key" nest>
        {({ key }) => (
          <DocumentPage kind="test_recipients" document={decoded(key)} line={words.line} />
        )}
      </Route>
    </Switch>
  );
}
