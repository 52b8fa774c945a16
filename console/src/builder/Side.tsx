import { SegmentedControl, Stack, Text } from "@mantine/core";
import { useMemo } from "react";
import type { Edit } from "@/builder/document/edits";
import { cardAt } from "@/builder/document/locations";
import type { Rule } from "@/builder/document/outline";
import { openText } from "@/builder/document/reading";
import { isValueMap, rootValue } from "@/builder/document/values";
import { useFilter } from "@/components/filters";
import { texts } from "@/texts";
import type { CardProblem } from "./graph/graphContext";
import { CardProblems } from "./panel/CardProblems";
import { type Editing, EditingContext } from "./panel/editing";
import { JourneyPanel } from "./panel/JourneyPanel";
import { RulePanel } from "./panel/RulePanel";
import { RulesPanel } from "./panel/RulesPanel";
import { StepPanel } from "./panel/StepPanel";
import { TestOfStep } from "./panel/TestOfStep";
import { WayPanel } from "./panel/WayPanel";
import { type ActionName, StepActions } from "./StepActions";
import { type Chosen, chosenBy, placeOf, rangeOf } from "./selecting";
import type { TextProblem } from "./text/CodeEditor";
import { TextEditor } from "./text/TextEditor";
import type { TextHistory } from "./textHistory";
import { TrialPanel } from "./trial/TrialPanel";
import type { TrialState } from "./trial/useTrial";
import type { BuilderState } from "./useBuilder";

const words = texts.builder;

interface SideProps {
  builder: BuilderState;
  history: TextHistory;
  trial: TrialState;
  marks: readonly TextProblem[];
  /** The problems by the key of their card. */
  problems: ReadonlyMap<string, readonly CardProblem[]>;
  offered: readonly ActionName[];
  readOnly: boolean;
  onEdit: (edit: Edit, typing?: boolean) => void;
  onAct: (action: ActionName) => void;
}

/** Beside the graph: the settings of what is chosen, or the text of the whole. */
export function Side({
  builder,
  history,
  trial,
  marks,
  problems,
  offered,
  readOnly,
  onEdit,
  onAct,
}: SideProps) {
  const { drawn, place, select, selected, steps } = builder;
  const [view, setView] = useFilter("side");
  const [key] = selected;
  const only = selected.size === 1 && key !== undefined && drawn !== null;
  const chosen = only ? chosenBy(drawn.outline, key) : null;
  const entryEvents = useMemo(
    () => (drawn === null ? [] : eventsOf(drawn.outline.entries)),
    [drawn],
  );
  const timezone = useMemo(() => zoneOf(history.text, place), [history.text, place]);
  const editing: Editing = useMemo(
    () => ({
      set: (path, value) =>
        onEdit(
          value === undefined ? { edit: "unset", path } : { edit: "set", path, value },
          // What is typed letter by letter is undone as a whole.
          typeof value === "string" || typeof value === "number",
        ),
      add: (list, index, value) => onEdit({ edit: "add-item", list, index, value }),
      change: onEdit,
      entryEvents,
      steps,
      timezone,
      readOnly,
    }),
    [entryEvents, onEdit, readOnly, steps, timezone],
  );
  return (
    <>
      <SegmentedControl
        size="xs"
        fullWidth
        value={view === "text" || view === "try" ? view : "settings"}
        data={[
          { value: "settings", label: words.settings },
          { value: "text", label: words.text },
          { value: "try", label: texts.trial.title },
        ]}
        onChange={(next) => setView(next === "settings" ? null : next)}
      />
      {view === "try" ? (
        <TrialPanel trial={trial} entry={entryEvents[0] ?? null} />
      ) : view === "text" ? (
        <div data-text>
          <TextEditor
            label={words.text}
            text={history.text}
            {...(readOnly ? {} : { onChange: history.type })}
            problems={marks}
            selection={(chosen === null ? null : rangeOf(chosen)) ?? undefined}
            onUndo={history.undo}
            onRedo={history.redo}
            onCursor={(offset) => {
              const found =
                drawn === null ? null : cardAt(openText(history.text), drawn.outline, offset);
              if (found !== null && found !== key) {
                select(found, false);
              }
            }}
          />
        </div>
      ) : (
        <Stack p="md" gap="md" component="section" aria-label={words.panel}>
          <StepActions offered={offered} onAction={onAct} />
          <EditingContext.Provider value={editing}>
            {chosen !== null ? (
              <PanelOf chosen={chosen} onEdit={onEdit} />
            ) : selected.size > 1 ? (
              <Text>{words.manyChosen(selected.size)}</Text>
            ) : (
              <WholePanel text={history.text} place={place} builder={builder} onEdit={onEdit} />
            )}
          </EditingContext.Provider>
          {only && <CardProblems problems={problems.get(key) ?? []} />}
        </Stack>
      )}
    </>
  );
}

/** The names of the events that begin a journey. */
function eventsOf(entries: readonly Rule[]): readonly string[] {
  return entries.flatMap(({ value }) =>
    isValueMap(value) && typeof value.event === "string" ? [value.event] : [],
  );
}

/** The time zone that a journey names; null without one. */
function zoneOf(text: string, place: number): string | null {
  const document = openText(text).documents[place];
  const value = document === undefined ? null : rootValue(document);
  return isValueMap(value) && typeof value.timezone === "string" ? value.timezone : null;
}

interface PanelOfProps {
  chosen: Chosen;
  onEdit: SideProps["onEdit"];
}

function PanelOf({ chosen, onEdit }: PanelOfProps) {
  switch (chosen.type) {
    case "entry":
      return <RulesPanel type="entry" rules={chosen.rules} onEdit={onEdit} />;
    case "rule":
      return <RulePanel rule={chosen.rule} />;
    case "way":
      return <WayPanel way={chosen.way} step={chosen.step} />;
    case "item": {
      const { item } = chosen;
      return item.type === "disabled" ? (
        <pre>{item.source}</pre>
      ) : (
        <>
          <StepPanel
            item={item}
            onRename={(id) => onEdit({ edit: "rename-step", step: item.path, id })}
            onNote={(text) => onEdit({ edit: "note", step: placeOf(item), text })}
          />
          {item.kind !== null && isValueMap(item.value) && (
            <TestOfStep kind={item.kind.kind} content={item.value[item.kind.kind]} />
          )}
        </>
      );
    }
  }
}

interface WholePanelProps {
  text: string;
  place: number;
  builder: BuilderState;
  onEdit: SideProps["onEdit"];
}

/** What is shown while no card is chosen: the settings of the journey, its goal and its exits. */
function WholePanel({ text, place, builder, onEdit }: WholePanelProps) {
  const document = openText(text).documents[place];
  const value = document === undefined ? null : rootValue(document);
  const outline = builder.drawn?.outline;
  if (outline === undefined || !isValueMap(value)) {
    return null;
  }
  return (
    <>
      <Text size="sm" className="quiet">
        {words.nothingChosen}
      </Text>
      <JourneyPanel value={value} />
      <RulesPanel type="goal" rules={outline.goal === null ? [] : [outline.goal]} onEdit={onEdit} />
      <RulesPanel type="exit" rules={outline.exits} onEdit={onEdit} />
    </>
  );
}
