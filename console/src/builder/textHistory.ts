import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { applyEdit } from "@/builder/document/applyEdit";
import type { Edit, EditResult, Refusal } from "@/builder/document/edits";
import {
  type History,
  newHistory,
  recorded,
  redo,
  replaced,
  restored,
  saved,
  undo,
} from "@/builder/document/history";
import { openText } from "@/builder/document/reading";

/** The text of a document, what changes it, and the way back and forth. */
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
}

/** A history is kept in the tab, as long as it is no longer than this. */
const LONGEST = 2_000_000;

function opened(name: string, text: string, left: string | null): History {
  const now = Date.now();
  const kept = sessionStorage.getItem(name);
  const history = kept === null ? null : restored(kept, left ?? text, now);
  if (history !== null) {
    return history;
  }
  return left === null ? newHistory(text) : replaced(newHistory(text), left, { at: now });
}

function keep(name: string, history: History): void {
  const text = saved(history);
  try {
    if (text.length <= LONGEST) {
      sessionStorage.setItem(name, text);
      return;
    }
  } catch {
    // The tab has no room: the history lives as long as the page.
  }
  sessionStorage.removeItem(name);
}

/**
 * The text of a document that can be edited, with undo and redo without end, also after a reload.
 *
 * `document` is what it is called in the tab, which no other document is; `left` is what a page
 * that was closed has made of the text.
 */
export function useTextHistory(
  document: string,
  text: string,
  left: string | null = null,
): TextHistory {
  const name = `parcours.history.${document}`;
  const [history, setHistory] = useState(() => opened(name, text, left));
  const [refusal, setRefusal] = useState<Refusal | null>(null);
  const latest = useRef(history);
  useEffect(() => {
    latest.current = history;
    const timer = setTimeout(() => keep(name, history), 300);
    return () => clearTimeout(timer);
  }, [history, name]);
  useEffect(() => {
    const leave = () => keep(name, latest.current);
    window.addEventListener("pagehide", leave);
    return () => {
      window.removeEventListener("pagehide", leave);
      leave();
    };
  }, [name]);

  const edit = useCallback(
    (wanted: Edit, place: number, typing = false) => {
      const result = applyEdit(openText(history.text), place, wanted);
      if (result.ok) {
        setHistory(recorded(history, result.patches, { at: Date.now(), typing }));
      }
      setRefusal(result.ok ? null : result.refusal);
      return result;
    },
    [history],
  );
  const type = useCallback((typed: string) => {
    setRefusal(null);
    setHistory((before) => replaced(before, typed, { at: Date.now(), typing: true }));
  }, []);
  const back = useCallback(() => {
    setRefusal(null);
    setHistory((before) => undo(before)?.history ?? before);
  }, []);
  const forth = useCallback(() => {
    setRefusal(null);
    setHistory((before) => redo(before)?.history ?? before);
  }, []);
  return useMemo(
    () => ({
      text: history.text,
      canUndo: history.done.length > 0,
      canRedo: history.undone.length > 0,
      refusal,
      edit,
      type,
      undo: back,
      redo: forth,
    }),
    [back, edit, forth, history, refusal, type],
  );
}
