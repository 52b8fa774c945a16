import { Group } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Redirect, Route, Switch } from "wouter";
import { answerOf, api } from "@/api/client";
import type { Model } from "@/api/models";
import { isNotFound } from "@/api/problems";
import { useMay } from "@/api/session";
import { useTextHistory } from "@/builder/textHistory";
import { LoadingLine } from "@/components/LoadingLine";
import { Page } from "@/components/Page";
import { PlaceTabs } from "@/components/PlaceTabs";
import { ProblemNotice } from "@/components/ProblemNotice";
import { StateBadge } from "@/components/StateBadge";
import { texts } from "@/texts";
import { Changes } from "./Changes";
import { ConditionEditor } from "./ConditionEditor";
import { Members } from "./Members";

const words = texts.segments;

type Segment = Model<"SegmentBody">;

const TABS = [
  { path: "/condition", name: words.tabs.condition },
  { path: "/members", name: words.tabs.members },
  { path: "/changes", name: words.tabs.changes },
] as const;

/** One segment: its condition, who is in it, and who came and went. */
export function SegmentPage({ segment }: { segment: string }) {
  const found = useQuery({
    queryKey: ["segment", segment],
    queryFn: () => answerOf(api.GET("/v1/segments/{key}", { params: { path: { key: segment } } })),
    refetchInterval: 5_000,
  });
  if (found.data === undefined) {
    return found.isError ? (
      <Page title={segment}>
        {isNotFound(found.error) ? (
          <p>{texts.parts.notFound}</p>
        ) : (
          <ProblemNotice error={found.error} retry={() => found.refetch()} />
        )}
      </Page>
    ) : (
      <LoadingLine />
    );
  }
  const { members, progress, slow_at: slow, state } = found.data;
  return (
    <Page
      title={segment}
      line={
        <Group gap="md">
          <StateBadge state={state} />
          <span>{words.memberCount(members)}</span>
          {progress !== null && <span>{words.filling(progress.done, progress.total)}</span>}
          {slow !== null && <span>{words.slow}</span>}
        </Group>
      }
    >
      <PlaceTabs label={segment} tabs={TABS} />
      <Switch>
        <Route path="/condition">
          <Condition
            key={found.data.version}
            segment={found.data}
            onSaved={() => void found.refetch()}
          />
        </Route>
        <Route path="/members">
          <Members segment={segment} />
        </Route>
        <Route path="/changes">
          <Changes segment={segment} />
        </Route>
        <Route path="/">
          <Redirect to="/condition" replace />
        </Route>
      </Switch>
    </Page>
  );
}

function Condition({ segment, onSaved }: { segment: Segment; onSaved: () => void }) {
  const mayEdit = useMay("edit");
  const history = useTextHistory(`segment ${segment.key}`, segment.source);
  return (
    <ConditionEditor
      segment={segment.key}
      history={history}
      readOnly={!mayEdit}
      onSaved={onSaved}
    />
  );
}
