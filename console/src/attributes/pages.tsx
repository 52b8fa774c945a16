import { Route, Switch } from "wouter";
import { decoded } from "@/components/addresses";
import { AttributeList } from "./AttributeList";
import { AttributePage } from "./AttributePage";

/** The catalogue of attributes, and each of them by its name. */
export function pages() {
  return (
    <Switch>
      <Route path="/">
        <AttributeList />
      </Route>
      <Route path="/:name" nest>
        {({ name }) => <AttributePage name={decoded(name)} />}
      </Route>
    </Switch>
  );
}
