import { Group, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { type KeyboardEvent, useMemo, useRef, useState } from "react";
import { answerOf, api } from "@/api/client";
import type { Model } from "@/api/models";
import { useDescription, useWords } from "@/builder/describing";
import { outlineOf } from "@/builder/document/outline";
import { openText } from "@/builder/document/reading";
import { cardHeights } from "@/builder/graph/cardHeights";
import { stepWords } from "@/builder/graph/cardWords";
import type { CardFigures, GraphContent } from "@/builder/graph/graphContext";
import { JourneyGraph } from "@/builder/graph/JourneyGraph";
import { JourneyOutline } from "@/builder/JourneyOutline";
import { handleKey } from "@/builder/keys";
import { layout as layoutOf } from "@/builder/layout/layout";
import { readingOrder } from "@/builder/layout/order";
import { itemsOf } from "@/builder/newSteps";
import { Instant } from "@/components/Instant";
import { LoadingLine } from "@/components/LoadingLine";
import { ObjectLink } from "@/components/ObjectLink";
import { ProblemNotice } from "@/components/ProblemNotice";
import { localTime } from "@/components/times";
import { VisitTimeline } from "@/components/VisitTimeline";
import { texts } from "@/texts";
import { pathOf, type RunPath } from "./path";
import classes from "./StandingGraph.module.css";

const words = texts.contacts.standing;
const REFRESH = 2_000;
const NONE = new Map<string, never>();
const nothing = () => undefined;

type RunDetail = Model<"RunDetail">;

interface StandingGraphProps {
  id: string;
  /** Whether it leads to the page of the run, which is another one. */
  linked?: boolean;
}

/** A run on the graph of its journey: the path that it took, and the step at which it stands. */
export function StandingGraph({ id, linked = true }: StandingGraphProps) {
  const run = useQuery({
    queryKey: ["run", id],
    queryFn: () => answerOf(api.GET("/v1/runs/{run}", { params: { path: { run: id } } })),
    refetchInterval: (query) => (query.state.data?.state === "ended" ? false : REFRESH),
  });
  const { journey, version } = run.data ?? {};
  const text = useQuery({
    queryKey: ["journey", journey, version],
    queryFn: () =>
      answerOf(
        api.GET("/v1/journeys/{key}", {
          params: { path: { key: journey ?? "" }, query: version === undefined ? {} : { version } },
        }),
      ),
    enabled: journey !== undefined,
    staleTime: Number.POSITIVE_INFINITY,
  });
  const failed = run.isError ? run : text.isError ? text : null;
  if (failed !== null) {
    return <ProblemNotice error={failed.error} retry={() => failed.refetch()} />;
  }
  if (run.data === undefined || text.data === undefined) {
    return <LoadingLine />;
  }
  return <Shown run={run.data} source={text.data.source} linked={linked} />;
}

function drawn(source: string) {
  const file = openText(source);
  const place = file.documents.findIndex((document) => document.kind === "journey");
  const document = file.documents[place];
  if (document === undefined || document.problems.length > 0) {
    return null;
  }
  const outline = outlineOf(file, place);
  return {
    outline,
    text: document.text,
    layout: layoutOf(outline, cardHeights(outline)),
    order: readingOrder(outline),
  };
}

function figuresOf(visits: RunPath["visits"]): Map<string, CardFigures> {
  const found = new Map<string, CardFigures>();
  for (const [step, all] of visits) {
    const last = all.at(-1);
    if (last !== undefined) {
      const time = localTime(new Date(last.ended_at ?? last.started_at));
      found.set(`step:${step}`, [
        { value: last.outcome ?? words.since, name: time },
        ...(all.length > 1 ? [{ value: String(all.length), name: words.visits }] : []),
      ]);
    }
  }
  return found;
}

interface ShownProps {
  run: RunDetail;
  source: string;
  linked: boolean;
}

function Shown({ run, source, linked }: ShownProps) {
  const graph = useMemo(() => drawn(source), [source]);
  const engine = useWords(useDescription(graph?.text ?? source).data);
  const path = useMemo(() => pathOf(run), [run]);
  const figures = useMemo(() => figuresOf(path.visits), [path]);
  const [chosen, setChosen] = useState<string | null>(null);
  const place = useRef<((x: number, y: number) => { x: number; y: number }) | null>(null);
  if (graph === null) {
    return <Text>{words.unreadable}</Text>;
  }
  const current = chosen ?? path.at ?? "entry";
  const items = itemsOf(graph.outline.steps);
  const step = items.find((each) => each.key === current)?.id ?? null;
  const item = items.find((each) => each.id === run.step);
  const visits = step === null ? [] : (path.visits.get(step) ?? []);

  function choose(key: string) {
    setChosen(key);
    requestAnimationFrame(() =>
      document.querySelector<HTMLElement>(`[data-card="${CSS.escape(key)}"]`)?.focus(),
    );
  }
  const content: GraphContent = {
    words: engine,
    problems: NONE,
    figures,
    heat: NONE,
    path: path.keys,
    selected: new Set(path.at === null ? [] : [path.at]),
    current,
    editing: null,
    readOnly: true,
    drag: null,
    onSelect: setChosen,
    onGrab: nothing,
    onInsert: nothing,
    onEditWay: nothing,
    onChangeWay: nothing,
    place,
  };
  return (
    <section aria-label={words.graphOf(run.journey)}>
      <Text fw={600} mb="xs">
        {run.state === "ended"
          ? words.ended(run.outcome ?? "")
          : run.step === null
            ? words.atEntry
            : words.at(run.step, item === undefined ? "" : stepWords(item, engine))}
      </Text>
      <div className={classes.graph}>
        <JourneyGraph
          layout={graph.layout}
          content={content}
          drag={null}
          pointer={POINTER}
          still
          focus={current}
          onKeyDown={(event: KeyboardEvent) =>
            handleKey(event, graph.order.neighbours.get(current), {
              undo: nothing,
              redo: nothing,
              copy: nothing,
              paste: nothing,
              duplicate: nothing,
              remove: nothing,
              insert: nothing,
              clear: nothing,
              openPanel: nothing,
              rename: nothing,
              selectAll: nothing,
              moveTo: choose,
            })
          }
          onBackground={() => setChosen(null)}
        />
        <JourneyOutline
          outline={graph.outline}
          order={graph.order}
          engine={engine}
          onSelect={choose}
        />
      </div>
      {linked && <Visits step={step} visits={visits} />}
      {linked && (
        <Group gap="sm" mt="xs">
          <ObjectLink place="runs" id={run.id}>
            {words.wholeRun}
          </ObjectLink>
          <Text size="sm" className="quiet">
            {words.began} <Instant at={run.started_at} /> · {texts.journeys.version(run.version)}
          </Text>
        </Group>
      )}
    </section>
  );
}

interface VisitsProps {
  /** The step that is chosen; null for a card that is none. */
  step: string | null;
  visits: readonly Model<"VisitBody">[];
}

/** What happened at the step that is chosen. */
function Visits({ step, visits }: VisitsProps) {
  if (step === null) {
    return null;
  }
  return (
    <>
      <Text mt="sm" className="quiet" size="sm">
        {visits.length === 0 ? words.notThere(step) : words.visitsOf(step)}
      </Text>
      {visits.length > 0 && <VisitTimeline visits={visits} repairs={[]} />}
    </>
  );
}

const POINTER = { current: { x: 0, y: 0 } };
