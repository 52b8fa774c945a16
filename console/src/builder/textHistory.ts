import { useCallback, useReducer } from "react";
import { applyEdit } from "@/builder/document/applyEdit";
import type { Edit, EditResult, Refusal } from "@/builder/document/edits";
import { openText } from "@/builder/document/reading";

/** A text with all that it was before, and what was undone. */
interface State {
  readonly past: readonly string[];
  readonly text: string;
  readonly future: readonly string[];
  /** When the last change was typed, in milliseconds: what follows at once belongs to it. */
  readonly typedAt: number;
  readonly refusal: Refusal | null;
}

type Action =
  | { readonly do: "change"; readonly text: string; readonly typedAt: number }
  | { readonly do: "refuse"; readonly refusal: Refusal }
  | { readonly do: "undo" | "redo" }
  | { readonly do: "begin"; readonly text: string };

/** Milliseconds after which what is typed can be undone apart from what was typed before. */
const PAUSE = 700;

function begin(text: string): State {
  return { past: [], text, future: [], typedAt: 0, refusal: null };
}

function changed(state: State, text: string, typedAt: number): State {
  const joins = typedAt > 0 && state.typedAt > 0 && typedAt - state.typedAt < PAUSE;
  const past = joins ? state.past : [...state.past, state.text];
  return { past, text, future: [], typedAt, refusal: null };
}

function reduce(state: State, action: Action): State {
  const { past, text, future } = state;
  switch (action.do) {
    case "begin":
      return begin(action.text);
    case "refuse":
      return { ...state, refusal: action.refusal };
    case "change":
      return action.text === text
        ? { ...state, refusal: null }
        : changed(state, action.text, action.typedAt);
    case "undo": {
      const before = past.at(-1);
      return before === undefined
        ? state
        : { ...begin(before), past: past.slice(0, -1), future: [text, ...future] };
    }
    case "redo": {
      const [next, ...rest] = future;
      return next === undefined ? state : { ...begin(next), past: [...past, text], future: rest };
    }
  }
}

/** The text of a journey, what changes it, and the way back and forth. */
export interface TextHistory {
  readonly text: string;
  readonly canUndo: boolean;
  readonly canRedo: boolean;
  /** Why the last edit was not made; null once another one was. */
  readonly refusal: Refusal | null;
  /** Makes an edit of the document at a place of the file; `typing` joins it with the last one. */
  readonly edit: (edit: Edit, document: number, typing?: boolean) => EditResult;
  /** Takes a text as it was typed. */
  readonly type: (text: string) => void;
  readonly undo: () => void;
  readonly redo: () => void;
  /** Begins again with a text, without a way back. */
  readonly begin: (text: string) => void;
}

/** A text that can be edited, with undo and redo without end. */
export function useTextHistory(opened: string): TextHistory {
  const [state, dispatch] = useReducer(reduce, opened, begin);
  const { text } = state;
  const edit = useCallback(
    (wanted: Edit, document: number, typing = false) => {
      const result = applyEdit(openText(text), document, wanted);
      if (result.ok) {
        dispatch({ do: "change", text: result.text, typedAt: typing ? Date.now() : 0 });
      } else {
        dispatch({ do: "refuse", refusal: result.refusal });
      }
      return result;
    },
    [text],
  );
  return {
    text,
    canUndo: state.past.length > 0,
    canRedo: state.future.length > 0,
    refusal: state.refusal,
    edit,
    type: useCallback(
      (typed: string) => dispatch({ do: "change", text: typed, typedAt: Date.now() }),
      [],
    ),
    undo: useCallback(() => dispatch({ do: "undo" }), []),
    redo: useCallback(() => dispatch({ do: "redo" }), []),
    begin: useCallback((fresh: string) => dispatch({ do: "begin", text: fresh }), []),
  };
}
