import { Route, Switch } from "wouter";
import { decoded } from "@/components/addresses";
import { DocumentPage } from "@/documents/DocumentPage";
import { NewDocument } from "@/documents/NewDocument";
import { texts } from "@/texts";
import { TopicContacts } from "./TopicContacts";
import { TopicList } from "./TopicList";

const words = texts.topics;

const EXAMPLES = (["opt_in", "double", "opt_out"] as const).map((id) => ({
  id,
  name: words.from[id],
  text: (key: string) => `topic: ${key}\nname: ${named(key)}\ndefault: ${id}\n`,
}));

/** `summer-offers` as a name: `Summer offers`. */
function named(key: string): string {
  const text = key.replaceAll("-", " ");
  return JSON.stringify(text.charAt(0).toUpperCase() + text.slice(1));
}

/** The list of topics, and each of them by its key. */
export function pages() {
  return (
    <Switch>
      <Route path="/">
        <TopicList />
      </Route>
      <Route path="/new">
        <NewDocument kind="topic" title={words.open} examples={EXAMPLES} />
      </Route>
      <Route path="/:key" nest>
        {({ key }) => <TopicPage topic={decoded(key)} />}
      </Route>
    </Switch>
  );
}

function TopicPage({ topic }: { topic: string }) {
  return (
    <DocumentPage
      kind="topic"
      document={topic}
      tabs={[{ path: "/contacts", name: words.tab, content: <TopicContacts topic={topic} /> }]}
    />
  );
}
