import { Route, Switch } from "wouter";
import { decoded } from "@/components/addresses";
import { FileList } from "./FileList";
import { FilePage } from "./FilePage";

/** The list of files, and each of them by its name. */
export function pages() {
  return (
    <Switch>
      <Route path="/">
        <FileList />
      </Route>
      <Route path="/:name" nest>
        {({ name }) => <FilePage name={decoded(name)} />}
      </Route>
    </Switch>
  );
}
