import { Route, Switch } from "wouter";
import { NewSegment } from "./NewSegment";
import { SegmentList } from "./SegmentList";
import { SegmentPage } from "./SegmentPage";

/** The list of segments, and each of them by its key. */
export function pages() {
  return (
    <Switch>
      <Route path="/">
        <SegmentList />
      </Route>
      <Route path="/new">
        <NewSegment />
      </Route>
      <Route path="/:key" nest>
        {({ key }) => <SegmentPage segment={decodeURIComponent(key)} />}
      </Route>
    </Switch>
  );
}
