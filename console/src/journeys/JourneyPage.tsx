import { Group } from "@mantine/core";
import { lazy, Suspense, useEffect } from "react";
import { Redirect, Route, Switch, useLocation } from "wouter";
import { isNotFound } from "@/api/problems";
import { useMay } from "@/api/session";
import { usePresence } from "@/builder/presence";
import { LoadingLine } from "@/components/LoadingLine";
import { Page } from "@/components/Page";
import { PlaceTabs } from "@/components/PlaceTabs";
import { ProblemNotice } from "@/components/ProblemNotice";
import { StateBadge } from "@/components/StateBadge";
import { texts } from "@/texts";
import { JourneyActions } from "./JourneyActions";
import { JourneyMessages } from "./JourneyMessages";
import { useJourney } from "./journey";
import { People } from "./People";
import { Results } from "./Results";
import { Text } from "./Text";
import { Versions } from "./Versions";

const words = texts.journeys;

const loadGraph = () => import("./Graph");
const Graph = lazy(() => loadGraph().then((module) => ({ default: module.Graph })));

const TABS = [
  { path: "/graph", name: words.tabs.graph, figures: false },
  { path: "/results", name: words.tabs.results, figures: true },
  { path: "/people", name: words.tabs.people, figures: true },
  { path: "/messages", name: words.tabs.messages, figures: true },
  { path: "/versions", name: words.tabs.versions, figures: false },
  { path: "/text", name: words.tabs.text, figures: false },
] as const;

const NewGraph = lazy(() => import("./NewGraph").then((module) => ({ default: module.NewGraph })));

/** One journey: its state, and a tab for each way to look at it. */
export function JourneyPage({ journey }: { journey: string }) {
  const found = useJourney(journey);
  // A key of scope `edit` sees documents, and neither figures nor people.
  const mayRead = useMay("read");
  const mayEdit = useMay("edit");
  const [place] = useLocation();
  const onGraph = place === "/" || place.startsWith("/graph");
  // What the graph needs is asked for together with the journey, and not after it.
  usePresence("journey", journey, mayEdit && onGraph);
  useEffect(() => {
    if (onGraph) {
      void loadGraph();
    }
  }, [onGraph]);
  if (found.data === undefined) {
    if (isNotFound(found.error)) {
      return (
        <Suspense fallback={<LoadingLine />}>
          <NewGraph journey={journey} />
        </Suspense>
      );
    }
    return found.isError ? (
      <Page title={journey}>
        <ProblemNotice error={found.error} retry={() => found.refetch()} />
      </Page>
    ) : (
      <LoadingLine />
    );
  }
  const { state, active_version: live, version, name } = found.data;
  return (
    <Page
      title={name ?? journey}
      actions={<JourneyActions journey={journey} state={state} />}
      line={
        <Group gap="md">
          <StateBadge state={state} />
          <span>{live === null ? words.notLive : words.version(live)}</span>
          {live !== null && version > live && <span>{words.newer(version)}</span>}
          {name !== null && <code>{journey}</code>}
        </Group>
      }
    >
      <PlaceTabs label={journey} tabs={TABS.filter((tab) => mayRead || !tab.figures)} />
      <Switch>
        <Route path="/graph">
          <Suspense fallback={<LoadingLine />}>
            <Graph journey={found.data} />
          </Suspense>
        </Route>
        <Route path="/results">
          <Results journey={journey} />
        </Route>
        <Route path="/people">
          <People journey={journey} />
        </Route>
        <Route path="/messages">
          <JourneyMessages journey={journey} />
        </Route>
        <Route path="/versions">
          <Versions journey={journey} />
        </Route>
        <Route path="/text">
          <Text source={found.data.source} />
        </Route>
        <Route path="/">
          <Redirect to="/graph" replace />
        </Route>
      </Switch>
    </Page>
  );
}
