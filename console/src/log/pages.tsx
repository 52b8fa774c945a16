import { Route, Switch } from "wouter";
import { Page } from "@/components/Page";
import { PlaceTabs } from "@/components/PlaceTabs";
import { texts } from "@/texts";
import { DeadEvents } from "./DeadEvents";
import { LiveLog } from "./LiveLog";
import { Rejected } from "./Rejected";

const words = texts.log;

const TABS = [
  { path: "/", name: words.tabs.live },
  { path: "/rejected", name: words.tabs.rejected },
  { path: "/dead", name: words.tabs.dead },
] as const;

/** What is recorded, live; what was rejected and refused; what was given up. */
export function pages() {
  return (
    <Page title={words.title}>
      <PlaceTabs label={words.title} tabs={TABS} />
      <Switch>
        <Route path="/">
          <LiveLog />
        </Route>
        <Route path="/rejected">
          <Rejected />
        </Route>
        <Route path="/dead">
          <DeadEvents />
        </Route>
        <Route>{texts.parts.noSuchPage}</Route>
      </Switch>
    </Page>
  );
}
