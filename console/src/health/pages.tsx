import { Route, Switch } from "wouter";
import { Page } from "@/components/Page";
import { PlaceTabs } from "@/components/PlaceTabs";
import { texts } from "@/texts";
import { Behind } from "./Behind";
import { Faults } from "./Faults";
import { Freezes } from "./Freezes";
import { Readiness } from "./Readiness";
import { Retention } from "./Retention";

const words = texts.health;

const TABS = [
  { path: "/", name: words.tabs.behind },
  { path: "/freezes", name: words.tabs.freezes },
  { path: "/faults", name: words.tabs.faults },
  { path: "/retention", name: words.tabs.retention },
] as const;

/** How the engine is: what is behind, what is frozen, what went wrong, what is removed when. */
export function pages() {
  return (
    <Page title={words.title} line={<Readiness />}>
      <PlaceTabs label={words.title} tabs={TABS} />
      <Switch>
        <Route path="/">
          <Behind />
        </Route>
        <Route path="/freezes">
          <Freezes />
        </Route>
        <Route path="/faults">
          <Faults />
        </Route>
        <Route path="/retention">
          <Retention />
        </Route>
        <Route>{texts.parts.noSuchPage}</Route>
      </Switch>
    </Page>
  );
}
