import { useCallback, useMemo, useRef, useState } from "react";
import { flushSync } from "react-dom";
import { applyEdit } from "@/builder/document/applyEdit";
import { copySteps } from "@/builder/document/clipboard";
import type { Edit } from "@/builder/document/edits";
import { cardOf } from "@/builder/document/locations";
import { type Outline, outlineOf } from "@/builder/document/outline";
import { readAhead } from "@/builder/document/readAhead";
import { isLong, openText } from "@/builder/document/reading";
import type { DropPlace, Layout } from "@/builder/layout/cards";
import { layout as layoutOf } from "@/builder/layout/layout";
import { type ReadingOrder, readingOrder } from "@/builder/layout/order";
import { editFor } from "./actions";
import { cardHeights } from "./graph/cardHeights";
import type { Dragged } from "./graph/dragging";
import { itemsOf, newStep } from "./newSteps";
import type { ActionName } from "./StepActions";
import { chosenBy, lineAround, placeOf, stepsOf } from "./selecting";
import type { TextHistory } from "./textHistory";

/** A journey as it can be drawn. */
interface Drawn {
  outline: Outline;
  layout: Layout;
  order: ReadingOrder;
}

/** Edits of the panel, which leave what is chosen as it is. */
const VALUES: ReadonlySet<Edit["edit"]> = new Set([
  "set",
  "unset",
  "rename-key",
  "add-item",
  "several",
]);

interface Drawing {
  place: number;
  drawn: Drawn | null;
}

let latest: { text: string; drawing: Drawing } | null = null;

/** What a text is as a graph. The last one is kept: an edit asks for it, and the page then again. */
function draw(text: string): Drawing {
  if (latest?.text !== text) {
    latest = { text, drawing: drawn(text) };
  }
  return latest.drawing;
}

function drawn(text: string): Drawing {
  const file = openText(text);
  const place = file.documents.findIndex((document) => document.kind === "journey");
  const document = file.documents[place];
  if (document === undefined || document.problems.length > 0) {
    return { place: Math.max(place, 0), drawn: null };
  }
  const outline = outlineOf(file, place);
  const layout = layoutOf(outline, cardHeights(outline));
  return { place, drawn: { outline, layout, order: readingOrder(outline) } };
}

/** Ready journeys, whose steps can be put into another one. */
export interface Fragments {
  readonly names: readonly string[];
  /** The text of one of them. */
  readonly read: (name: string) => Promise<string>;
}

export const NO_FRAGMENTS: Fragments = {
  names: [],
  read: () => Promise.reject(new Error("there are no ready journeys")),
};

/** What is drawn and chosen of a journey, and all that can be done with it. */
export function useBuilder({ text, edit }: TextHistory, fragments: Fragments) {
  const { place, drawn } = useMemo(() => draw(text), [text]);
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [current, setCurrent] = useState("entry");
  /** The card that keys act on: the one that was chosen last, as long as it is there. */
  const standing = drawn === null || chosenBy(drawn.outline, current) !== null ? current : "entry";
  const steps = useMemo(
    () => (drawn === null ? [] : itemsOf(drawn.outline.steps).flatMap(({ id }) => id ?? [])),
    [drawn],
  );

  const select = useCallback((key: string, more: boolean) => {
    setCurrent(key);
    setSelected((before) => {
      const next = new Set(more ? before : []);
      if (!more || !next.delete(key)) {
        next.add(key);
      }
      return next;
    });
  }, []);

  const make = useCallback(
    (wanted: Edit | null, typing = false) => {
      const result = wanted === null ? null : edit(wanted, place, typing);
      if (result?.ok !== true || wanted === null) {
        return;
      }
      const after = draw(result.text).drawn;
      if (VALUES.has(wanted.edit)) {
        // A way is called by its name: while that is typed, it stays the one that is chosen.
        const chosen = drawn === null ? null : chosenBy(drawn.outline, current);
        if (chosen?.type === "way" && after !== null) {
          const key = cardOf(after.outline, chosen.way.path);
          setCurrent(key);
          setSelected((before) => (before.has(current) ? new Set([key]) : before));
        }
      } else {
        const keys =
          after === null ? [] : result.selection.map((path) => cardOf(after.outline, path));
        setSelected(new Set(keys));
        const [first] = keys;
        if (first !== undefined) {
          setCurrent(first);
        }
      }
    },
    [current, drawn, edit, place],
  );

  const insert = useCallback(
    (kind: string, target: DropPlace) =>
      make({ edit: "insert", target, steps: [newStep(kind, new Set(steps))] }),
    [make, steps],
  );

  // Reading takes a moment: what is drawn by then is what the steps are put into.
  const latest = useRef({ make, read: fragments.read, text });
  latest.current = { make, read: fragments.read, text };
  const insertFragment = useCallback(async (fragment: string, target: DropPlace) => {
    const text = await latest.current.read(fragment);
    latest.current.make({ edit: "paste", target, text });
  }, []);

  const drop = useCallback(
    async (dragged: Dragged, target: DropPlace) => {
      if (dragged.what === "fragment") {
        await insertFragment(dragged.fragment, target);
      } else if (drawn !== null) {
        const edit: Edit =
          dragged.what === "kind"
            ? { edit: "insert", target, steps: [newStep(dragged.kind, new Set(steps))] }
            : {
                edit: "move",
                steps: stepsOf(drawn.outline, new Set(dragged.keys)).map(placeOf),
                target,
              };
        if (isLong(text)) {
          await readAhead(() => {
            const result = applyEdit(openText(text), place, edit);
            return result.ok && draw(result.text);
          });
        }
        // What was typed meanwhile has moved the places of the text.
        if (latest.current.text === text) {
          flushSync(() => latest.current.make(edit));
        }
      }
    },
    [drawn, insertFragment, place, steps, text],
  );

  /** Where a step goes that is not dragged: below the current card, else at the end. */
  const placeBelow = useCallback((): DropPlace | null => {
    const drops = drawn?.layout.drops ?? [];
    return (
      drops.find((each) => each.after === standing) ??
      drops.findLast((each) => each.list.length === 1) ??
      null
    );
  }, [drawn, standing]);

  const copied = useCallback((): string => {
    if (drawn === null) {
      return "";
    }
    return copySteps(openText(text), place, stepsOf(drawn.outline, selected).map(placeOf));
  }, [drawn, place, selected, text]);

  const act = useCallback(
    (action: ActionName) => {
      if (action === "copy") {
        void navigator.clipboard.writeText(copied());
      } else if (drawn !== null) {
        make(editFor(action, drawn.outline, selected));
      }
    },
    [copied, drawn, make, selected],
  );

  const paste = useCallback(async () => {
    const target = placeBelow();
    const taken = await navigator.clipboard.readText();
    if (target !== null) {
      make({ edit: "paste", target, text: taken });
    }
  }, [make, placeBelow]);

  /** Chooses all steps of the line in which a card stands. */
  const selectAll = useCallback(
    (key: string) => {
      const line = drawn === null ? [] : lineAround(drawn.outline, key);
      setSelected(new Set(line.map((item) => item.key)));
    },
    [drawn],
  );

  const clear = useCallback(() => setSelected(new Set()), []);
  return useMemo(
    () => ({
      place,
      drawn,
      selected,
      standing,
      steps,
      select,
      selectAll,
      clear,
      make,
      insert,
      insertFragment,
      drop,
      placeBelow,
      act,
      paste,
    }),
    [
      place,
      drawn,
      selected,
      standing,
      steps,
      select,
      selectAll,
      clear,
      make,
      insert,
      insertFragment,
      drop,
      placeBelow,
      act,
      paste,
    ],
  );
}

export type BuilderState = ReturnType<typeof useBuilder>;
