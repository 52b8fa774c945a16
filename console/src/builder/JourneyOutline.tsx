import { memo, useDeferredValue } from "react";
import type { Outline, StepList } from "@/builder/document/outline";
import type { ReadingOrder } from "@/builder/layout/order";
import { useRoving } from "@/components/roving";
import { texts } from "@/texts";
import classes from "./builder.module.css";
import { type EngineWords, NO_WORDS } from "./graph/cardWords";
import { lineOf } from "./lineWords";
import { choices } from "./selecting";

const words = texts.builder;

interface JourneyOutlineProps {
  outline: Outline;
  order: ReadingOrder;
  engine: EngineWords;
  onSelect: (key: string) => void;
}

const NO_LIST: StepList = { path: ["steps"], missing: true, length: 0, items: [] };
const EMPTY: JourneyOutlineProps = {
  outline: {
    document: 0,
    key: null,
    name: null,
    range: { from: 0, to: 0 },
    entries: [],
    exits: [],
    goal: null,
    steps: NO_LIST,
  },
  order: { lines: [], neighbours: new Map() },
  engine: NO_WORDS,
  onSelect: () => undefined,
};

/** The journey as a list, for readers of the screen; it is shown when it is reached by keyboard. */
export const JourneyOutline = memo(function JourneyOutline(props: JourneyOutlineProps) {
  // The graph comes first: a long list follows when there is time.
  const { outline, order, engine, onSelect } = useDeferredValue(props, EMPTY);
  const cards = new Map(choices(outline).map((each) => [each.key, each]));
  const roving = useRoving<HTMLUListElement>();
  return (
    <ul {...roving} aria-label={words.list} className={classes.outline}>
      {order.lines.map((line) => {
        const chosen = cards.get(line.key);
        return (
          chosen !== undefined && (
            <li key={line.key} style={{ marginLeft: (line.level - 1) * 16 }}>
              <button type="button" onClick={() => onSelect(line.key)}>
                {lineOf(chosen, engine)}
              </button>
            </li>
          )
        );
      })}
    </ul>
  );
});
