import { Route, Switch } from "wouter";
import { decoded } from "@/components/addresses";
import { GroupList } from "./GroupList";
import { GroupPage } from "./GroupPage";

/** The list of groups, and each of them by its key. */
export function pages() {
  return (
    <Switch>
      <Route path="/">
        <GroupList />
      </Route>
      <Route path="/:group" nest>
        {({ group }) => <GroupPage group={decoded(group)} />}
      </Route>
    </Switch>
  );
}
