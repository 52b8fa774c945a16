import { Text } from "@mantine/core";
import { type KeyboardEvent, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { openText } from "@/builder/document/reading";
import type { DropPlace } from "@/builder/layout/cards";
import { texts } from "@/texts";
import { actionsFor } from "./actions";
import { BuilderBar } from "./BuilderBar";
import classes from "./builder.module.css";
import { problemsInText, problemsOfCards, useDescription, useWords } from "./describing";
import { useDragging } from "./graph/dragging";
import type { CardFigures, GraphContent } from "./graph/graphContext";
import { JourneyGraph } from "./graph/JourneyGraph";
import { JourneyOutline } from "./JourneyOutline";
import { handleKey } from "./keys";
import { Palette } from "./Palette";
import { Side } from "./Side";
import { StepMenu } from "./StepMenu";
import type { TextHistory } from "./textHistory";
import { useTrial } from "./trial/useTrial";
import { useBuilder } from "./useBuilder";

const words = texts.builder;
const NO_COUNTS: ReadonlyMap<string, number> = new Map();
const NO_FIGURES: ReadonlyMap<string, CardFigures> = new Map();
const SIDE = "builder-side";

interface BuilderProps {
  history: TextHistory;
  readOnly: boolean;
  /** What stands on the cards, by the ids of the steps. */
  figures?: ReadonlyMap<string, CardFigures>;
  heat?: ReadonlyMap<string, number>;
}

function focusCard(key: string) {
  requestAnimationFrame(() =>
    document.querySelector<HTMLElement>(`[data-card="${CSS.escape(key)}"]`)?.focus(),
  );
}

/** A journey as a graph, with its text and the settings of what is chosen beside it. */
export function Builder({ history, readOnly, figures, heat }: BuilderProps) {
  const builder = useBuilder(history);
  const { act, clear, current, drawn, insert, make, paste, place, placeBelow, select } = builder;
  const { selected, steps } = builder;
  const file = useMemo(() => openText(history.text), [history.text]);
  const shown = file.documents[place];
  const described = useDescription(shown?.text ?? history.text).data;
  const engine = useWords(described);
  const problems = described?.problems;
  const counts = useMemo(
    () =>
      drawn === null || problems === undefined
        ? NO_COUNTS
        : problemsOfCards(file, drawn.outline, problems),
    [drawn, file, problems],
  );
  const marks = useMemo(
    () => (shown === undefined || problems === undefined ? [] : problemsInText(shown, problems)),
    [problems, shown],
  );
  const trial = useTrial(drawn?.outline.key ?? "", history.text);
  const [inserting, setInserting] = useState<DropPlace | null>(null);
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

  const content: GraphContent = {
    words: engine,
    problems: counts,
    figures: figures ?? NO_FIGURES,
    heat: heat ?? NO_COUNTS,
    path: trial.path,
    selected,
    current,
    readOnly,
    drag,
    onSelect: select,
    onGrab: grab,
    onInsert: setInserting,
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
        />
      )}
      <div className={classes.middle}>
        <BuilderBar
          history={history}
          steps={steps}
          readOnly={readOnly}
          onPaste={() => void paste()}
          onFind={(id) => {
            select(`step:${id}`, false);
            focusCard(`step:${id}`);
          }}
        />
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
        <Side
          builder={builder}
          history={history}
          trial={trial}
          marks={marks}
          offered={drawn === null || readOnly ? [] : actionsFor(drawn.outline, selected)}
          readOnly={readOnly}
          onEdit={make}
        />
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
