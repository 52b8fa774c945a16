import { Text } from "@mantine/core";
import { useCallback, useMemo, useRef, useState } from "react";
import type { Way } from "@/builder/document/outline";
import { openText } from "@/builder/document/reading";
import type { DropPlace } from "@/builder/layout/cards";
import { SkipLink } from "@/components/SkipLinks";
import { texts } from "@/texts";
import { actionsFor } from "./actions";
import { BuilderBar } from "./BuilderBar";
import classes from "./builder.module.css";
import { problemsInText, problemsOfCards, useDescription, useWords } from "./describing";
import { useDragging } from "./graph/dragging";
import type { CardProblem, FiguresOfCards, GraphContent } from "./graph/graphContext";
import { JourneyGraph } from "./graph/JourneyGraph";
import { JourneyOutline } from "./JourneyOutline";
import { KeyList } from "./KeyList";
import { Palette } from "./Palette";
import { GRAPH, SIDE } from "./regions";
import { Search } from "./Search";
import { Side } from "./Side";
import type { ActionName } from "./StepActions";
import { StepMenu } from "./StepMenu";
import { chosenBy } from "./selecting";
import type { TextHistory } from "./textHistory";
import { useSampledFigures } from "./trial/sampledFigures";
import { useTrial } from "./trial/useTrial";
import { type Fragments, NO_FRAGMENTS, useBuilder } from "./useBuilder";
import { focusCard, useBuilderKeys } from "./useBuilderKeys";

const words = texts.builder;
const NO_HEAT: ReadonlyMap<string, number> = new Map();
const NO_PROBLEMS: ReadonlyMap<string, readonly CardProblem[]> = new Map();
const NO_FIGURES: FiguresOfCards = { get: () => undefined };

interface BuilderProps {
  history: TextHistory;
  readOnly: boolean;
  /** What stands on the cards, by their keys. A sample that was tried takes its place. */
  figures?: FiguresOfCards;
  heat?: ReadonlyMap<string, number>;
  fragments?: Fragments;
}

/** A journey as a graph, with its text and the settings of what is chosen beside it. */
export function Builder({
  history,
  readOnly,
  figures,
  heat,
  fragments = NO_FRAGMENTS,
}: BuilderProps) {
  const builder = useBuilder(history, fragments);
  const { act, clear, drawn, insert, make, paste, place, placeBelow, select, selected, standing } =
    builder;
  const file = useMemo(() => openText(history.text), [history.text]);
  const shown = file.documents[place];
  const described = useDescription(shown?.text ?? history.text).data;
  const engine = useWords(described);
  const problems = described?.problems;
  const onCards = useMemo(
    () =>
      drawn === null || problems === undefined
        ? NO_PROBLEMS
        : problemsOfCards(file, drawn.outline, problems),
    [drawn, file, problems],
  );
  const marks = useMemo(
    () => (shown === undefined || problems === undefined ? [] : problemsInText(shown, problems)),
    [problems, shown],
  );
  const trial = useTrial(drawn?.outline.key ?? "", history.text);
  const [inserting, setInserting] = useState<DropPlace | null>(null);
  const [editing, setEditing] = useState<string | null>(null);
  const sampled = useSampledFigures(trial.play.data);
  const toGraph = useRef<((x: number, y: number) => { x: number; y: number }) | null>(null);
  /** A way is edited on its card, if it has a name that can be changed. */
  const beginEditing = useCallback(
    (key: string) => {
      const chosen = drawn === null ? null : chosenBy(drawn.outline, key);
      if (chosen?.type === "way" && !chosen.way.implied && chosen.way.role !== "else") {
        setEditing(key);
      }
    },
    [drawn],
  );
  const keys = useBuilderKeys({
    builder,
    history,
    readOnly,
    onInsert: () => setInserting(placeBelow()),
    onRename: beginEditing,
  });
  const { standIfLost } = keys;
  const { drag, begin, ghost, pointer } = useDragging({
    drops: drawn?.layout.drops ?? [],
    placeOf: (x, y) => toGraph.current?.(x, y) ?? null,
    onDrop: (dragged, target) => void builder.drop(dragged, target).then(keys.stand),
  });
  const grab = useCallback(
    (key: string, pointer: { x: number; y: number }) => {
      const keys = selected.has(key) ? [...selected] : [key];
      const name = keys.length > 1 ? words.manyChosen(keys.length) : key.replace(/^\w+:/, "");
      begin({ what: "cards", keys, name }, pointer);
    },
    [begin, selected],
  );

  const choose = useCallback(
    (key: string) => {
      select(key, false);
      focusCard(key);
    },
    [select],
  );
  const actOn = useCallback(
    (action: ActionName) =>
      action === "editWay" ? beginEditing(standing) : standIfLost(() => act(action)),
    [act, beginEditing, standIfLost, standing],
  );
  const editWay = useCallback((key: string | null) => {
    setEditing((before) => {
      if (key === null && before !== null) {
        focusCard(before);
      }
      return key;
    });
  }, []);
  const changeWay = useCallback(
    (way: Way, name: string, weight: number | null) => {
      if (name !== way.name || (weight !== null && weight !== way.weight)) {
        make({ edit: "change-way", way: way.path, name, weight });
      }
    },
    [make],
  );
  // A drag draws the graph again, and neither the panel nor a long text beside it.
  const side = useMemo(
    () => (
      <Side
        builder={builder}
        history={history}
        trial={trial}
        marks={marks}
        problems={onCards}
        offered={drawn === null || readOnly ? [] : actionsFor(drawn.outline, selected)}
        readOnly={readOnly}
        onEdit={make}
        onAct={actOn}
      />
    ),
    [actOn, builder, drawn, history, make, marks, onCards, readOnly, selected, trial],
  );
  const content: GraphContent = {
    words: engine,
    problems: onCards,
    figures: sampled ?? figures ?? NO_FIGURES,
    heat: heat ?? NO_HEAT,
    path: trial.path,
    selected,
    current: standing,
    editing,
    readOnly,
    drag,
    onSelect: select,
    onGrab: grab,
    onInsert: setInserting,
    onEditWay: editWay,
    onChangeWay: changeWay,
    place: toGraph,
  };
  return (
    <div className={classes.builder} data-read-only={readOnly || undefined}>
      <SkipLink to={GRAPH} onFollow={() => keys.go("graph")}>
        {words.skipToGraph}
      </SkipLink>
      <SkipLink to={SIDE} onFollow={() => keys.go("settings")}>
        {words.skipToSide}
      </SkipLink>
      {!readOnly && (
        <Palette
          onGrab={begin}
          onChoose={(kind) => {
            const target = placeBelow();
            if (target !== null) {
              insert(kind, target);
            }
          }}
          fragments={fragments.names}
          onChooseFragment={(fragment) => {
            const target = placeBelow();
            if (target !== null) {
              void builder.insertFragment(fragment, target);
            }
          }}
        />
      )}
      <div className={classes.middle}>
        <BuilderBar
          history={history}
          readOnly={readOnly}
          onPaste={() => void paste()}
          onKeys={() => keys.setListed(true)}
        >
          <Search outline={drawn?.outline ?? null} engine={engine} onFind={choose} />
        </BuilderBar>
        {drawn === null ? (
          <Text p="md" role="alert">
            {words.refusals.unreadable}
          </Text>
        ) : (
          <>
            <JourneyGraph
              layout={drawn.layout}
              content={content}
              drag={drag}
              pointer={pointer}
              focus={standing}
              onKeyDown={keys.onKeyDown}
              onBackground={clear}
            />
            <JourneyOutline
              outline={drawn.outline}
              order={drawn.order}
              engine={engine}
              onSelect={choose}
            />
          </>
        )}
      </div>
      <div className={classes.side} id={SIDE}>
        {side}
      </div>
      {inserting !== null && (
        <StepMenu
          onClose={() => setInserting(null)}
          onChoose={(kind) => {
            keys.standAfter(() => {
              insert(kind, inserting);
              setInserting(null);
            });
          }}
        />
      )}
      <KeyList opened={keys.listed} onClose={() => keys.setListed(false)} />
      {drag !== null && (
        <div ref={ghost} className={classes.ghost}>
          {drag.dragged.name}
        </div>
      )}
    </div>
  );
}
