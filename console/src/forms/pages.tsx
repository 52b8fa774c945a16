import { Route, Switch } from "wouter";
import { DocumentPage } from "@/documents/DocumentPage";
import { NewDocument } from "@/documents/NewDocument";
import { texts } from "@/texts";
import { Embed } from "./Embed";
import { EXAMPLES } from "./examples";
import { FormList } from "./FormList";
import { FormPreview } from "./FormPreview";
import { Submissions } from "./Submissions";

/** The list of forms, and each of them by its key. */
export function pages() {
  return (
    <Switch>
      <Route path="/">
        <FormList />
      </Route>
      <Route path="/new">
        <NewDocument kind="form" title={texts.forms.open} examples={EXAMPLES} />
      </Route>
      <Route path="/:key" nest>
        {({ key }) => <FormPage form={decodeURIComponent(key)} />}
      </Route>
    </Switch>
  );
}

function FormPage({ form }: { form: string }) {
  return (
    <DocumentPage
      kind="form"
      document={form}
      beside={(edited) => <FormPreview edited={edited} />}
      tabs={[
        { path: "/embed", name: texts.forms.tabs.embed, content: <Embed form={form} /> },
        {
          path: "/submissions",
          name: texts.forms.tabs.submissions,
          content: <Submissions form={form} />,
        },
      ]}
    />
  );
}
