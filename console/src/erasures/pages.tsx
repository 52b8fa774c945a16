import { Route, Switch } from "wouter";
import { ErasureList } from "./ErasureList";
import { ErasurePage } from "./ErasurePage";

/** The reports of erasures, and each of them by its id. */
export function pages() {
  return (
    <Switch>
      <Route path="/">
        <ErasureList />
      </Route>
      <Route path="/:erasure">{({ erasure }) => <ErasurePage id={erasure} />}</Route>
    </Switch>
  );
}
