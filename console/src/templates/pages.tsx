import { Route, Switch } from "wouter";
import { DocumentPage } from "@/documents/DocumentPage";
import { NewDocument } from "@/documents/NewDocument";
import { texts } from "@/texts";
import { EXAMPLES } from "./examples";
import { Preview } from "./Preview";
import { TemplateList } from "./TemplateList";

/** The list of templates, and each of them by its key. */
export function pages() {
  return (
    <Switch>
      <Route path="/">
        <TemplateList />
      </Route>
      <Route path="/new">
        <NewDocument kind="template" title={texts.templates.open} examples={EXAMPLES} />
      </Route>
      <Route path="/:key" nest>
        {({ key }) => <TemplatePage template={decodeURIComponent(key)} />}
      </Route>
    </Switch>
  );
}

function TemplatePage({ template }: { template: string }) {
  return (
    <DocumentPage
      kind="template"
      document={template}
      beside={(edited) => <Preview template={template} edited={edited} />}
    />
  );
}
