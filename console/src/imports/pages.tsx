import { Route, Switch } from "wouter";
import { useMay } from "@/api/session";
import { EnterMany } from "./EnterMany";
import { ImportList } from "./ImportList";
import { NewExport } from "./NewExport";
import { NewImport } from "./NewImport";

/** The jobs that bring contacts in and out, and what begins one. */
export function pages() {
  return <Places />;
}

function Places() {
  const mayExport = useMay("admin");
  return (
    <Switch>
      <Route path="/">
        <ImportList />
      </Route>
      <Route path="/new">
        <NewImport />
      </Route>
      <Route path="/enter">
        <EnterMany />
      </Route>
      {mayExport && (
        <Route path="/export">
          <NewExport />
        </Route>
      )}
    </Switch>
  );
}
