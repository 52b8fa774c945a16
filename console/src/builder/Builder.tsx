import { Text } from "@mantine/core";
import { type KeyboardEvent, useCallback, useEffect, useMemo, useRef, useState } from "react";
import type { Way } from "@/builder/document/outline";
import { openText } from "@/builder/document/reading";
import type { DropPlace } from "@/builder/layout/cards";
import { texts } from "@/texts";
import { actionsFor } from "./actions";
import { BuilderBar } from "./BuilderBar";
import classes from "./builder.module.css";
import { problemsInText, problemsOfCards, useDescription, useWords } from "./describing";
import { useDragging } from "./graph/dragging";
import type { CardProblem, FiguresOfCards, GraphContent } from "./graph/graphContext";
import { JourneyGraph } from "./graph/JourneyGraph";
import { JourneyOutline } from "./JourneyOutline";
import { handleKey } from "./keys";
import { Palette } from "./Palette";
import { Search } from "./Search";
import { Side } from "./Side";
import type { ActionName } from "./StepActions";
import { StepMenu } from "./StepMenu";
import { chosenBy } from "./selecting";
import type { TextHistory } from "./textHistory";
import { useSampledFigures } from "./trial/sampledFigures";
import { useTrial } from "./trial/useTrial";
import { type Fragments, NO_FRAGMENTS, useBuilder } from "./useBuilder";

const words = texts.builder;
const NO_HEAT: ReadonlyMap<string, number> = new Map();
const NO_PROBLEMS: ReadonlyMap<string, readonly CardProblem[]> = new Map();
const NO_FIGURES: FiguresOfCards = { get: () => undefined };
const SIDE = "builder-side";

interface BuilderProps {
  history: TextHistory;
  readOnly: boolean;
  /** What stands on the cards, by their keys. A sample that was tried takes its place. */
  figures?: FiguresOfCards;
  heat?: ReadonlyMap<string, number>;
  fragments?: Fragments;
}

/** Frames that a card may take to come into view, and so into the page. */
const PATIENCE = 30;

function focusCard(key: string, frames = PATIENCE) {
  requestAnimationFrame(() => {
    const card = document.querySelector<HTMLElement>(`[data-card="${CSS.escape(key)}"]`);
    if (card !== null) {
      card.focus({ preventScroll: true });
    } else if (frames > 0) {
      focusCard(key, frames - 1);
    }
  });
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
  const { act, clear, current, drawn, insert, make, paste, place, placeBelow, select } = builder;
  const { selectAll, selected } = builder;
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
  const { drag, begin, ghost, pointer } = useDragging({
    drops: drawn?.layout.drops ?? [],
    placeOf: (x, y) => toGraph.current?.(x, y) ?? null,
    onDrop: builder.drop,
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
  const actOn = useCallback(
    (action: ActionName) => (action === "editWay" ? beginEditing(current) : act(action)),
    [act, beginEditing, current],
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
  function onKeyDown(event: KeyboardEvent | globalThis.KeyboardEvent) {
    handleKey(event, drawn?.order.neighbours.get(current), {
      undo: history.undo,
      redo: history.redo,
      copy: () => act("copy"),
      paste: () => !readOnly && void paste(),
      duplicate: () => !readOnly && act("duplicate"),
      remove: () => !readOnly && act("delete"),
      insert: () => !readOnly && setInserting(placeBelow()),
      clear,
      rename: () => !readOnly && beginEditing(current),
      selectAll: () => selectAll(current),
      openPanel: () => {
        if (!selected.has(current)) {
          select(current, false);
        }
        requestAnimationFrame(() =>
          document.querySelector<HTMLElement>(`#${SIDE} section :is(input, textarea)`)?.focus(),
        );
      },
      moveTo: (key, more) => {
        select(key, more);
        focusCard(key);
      },
    });
  }

  // A card that is moved loses the focus: then no part of the page has it, and keys go on to work.
  const latest = useRef(onKeyDown);
  useEffect(() => {
    latest.current = onKeyDown;
  });
  useEffect(() => {
    const listen = (event: globalThis.KeyboardEvent) => {
      if (event.target === document.body) {
        latest.current(event);
      }
    };
    window.addEventListener("keydown", listen);
    return () => window.removeEventListener("keydown", listen);
  }, []);

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
    current,
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
        <BuilderBar history={history} readOnly={readOnly} onPaste={() => void paste()}>
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
              focus={current}
              onKeyDown={onKeyDown}
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
            insert(kind, inserting);
            setInserting(null);
          }}
        />
      )}
      {drag !== null && (
        <div ref={ghost} className={classes.ghost}>
          {drag.dragged.name}
        </div>
      )}
    </div>
  );
}
