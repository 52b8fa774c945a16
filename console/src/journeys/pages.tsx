import { Route, Switch } from "wouter";
import { JourneyList } from "./JourneyList";
import { JourneyPage } from "./JourneyPage";
import { NewJourney } from "./NewJourney";

/** The list of journeys, and each of them by its key. */
export function pages() {
  return (
    <Switch>
      <Route path="/">
        <JourneyList />
      </Route>
      <Route path="/new">
        <NewJourney />
      </Route>
      <Route path="/:key" nest>
        {({ key }) => <JourneyPage journey={decodeURIComponent(key)} />}
      </Route>
    </Switch>
  );
}
