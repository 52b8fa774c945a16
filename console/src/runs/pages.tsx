import { Route, Switch } from "wouter";
import { Run } from "./Run";
import { Runs } from "./Runs";

/** The list of runs, and each of them by its id. */
export function pages() {
  return (
    <Switch>
      <Route path="/">
        <Runs />
      </Route>
      <Route path="/:run">{({ run }) => <Run id={run} />}</Route>
    </Switch>
  );
}
