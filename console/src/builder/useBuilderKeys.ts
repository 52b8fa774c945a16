import { type KeyboardEvent, useCallback, useEffect, useRef, useState } from "react";
import { flushSync } from "react-dom";
import { useFilter } from "@/components/filters";
import { focusIsLost, focusOnceShown } from "@/components/focusing";
import { handleKey, handleKeyAnywhere } from "./keys";
import { cardOfKey, fieldOfSide, fieldOfText, isInGraph, type Region } from "./regions";
import { SEARCH } from "./Search";
import type { TextHistory } from "./textHistory";
import type { BuilderState } from "./useBuilder";

/** A card comes into view, and so into the page, first. */
export function focusCard(key: string): void {
  focusOnceShown(() => cardOfKey(key));
}

interface BuilderKeysProps {
  builder: BuilderState;
  history: TextHistory;
  readOnly: boolean;
  onInsert: () => void;
  onRename: (key: string) => void;
}

/** The keys of the builder, and where the focus stands after what they do. */
export function useBuilderKeys({
  builder,
  history,
  readOnly,
  onInsert,
  onRename,
}: BuilderKeysProps) {
  const { act, clear, drawn, paste, select, selectAll, selected, standing } = builder;
  const [view, setView] = useFilter("side");
  const [listed, setListed] = useState(false);
  const now = useRef(standing);
  now.current = standing;

  /** Makes a change, and goes to the card that is chosen after it. */
  const standAfter = useCallback((change: () => void) => {
    flushSync(change);
    focusCard(now.current);
  }, []);
  const stand = useCallback(() => focusCard(now.current), []);
  /** The same, if what had the focus is gone then. */
  const standIfLost = useCallback((change: () => void) => {
    flushSync(change);
    if (focusIsLost()) {
      focusCard(now.current);
    }
  }, []);
  const beside: Region = view === "text" ? "text" : "settings";
  function go(region: Region) {
    if (region === "graph") {
      focusCard(standing);
    } else if (region === "text") {
      setView("text");
      focusOnceShown(fieldOfText);
    } else {
      if (view === "text") {
        setView(null);
      }
      focusOnceShown(fieldOfSide);
    }
  }
  const change = (make: () => void) => () => !readOnly && standAfter(make);
  function onKeyDown(event: KeyboardEvent | globalThis.KeyboardEvent) {
    handleKey(event, drawn?.order.neighbours.get(standing), {
      undo: change(history.undo),
      redo: change(history.redo),
      copy: () => act("copy"),
      paste: () => !readOnly && void paste().then(() => focusCard(now.current)),
      duplicate: change(() => act("duplicate")),
      remove: change(() => act("delete")),
      insert: () => !readOnly && onInsert(),
      clear,
      rename: () => !readOnly && onRename(standing),
      selectAll: () => selectAll(standing),
      openPanel: () => {
        if (!selected.has(standing)) {
          select(standing, false);
        }
        go("settings");
      },
      moveTo: (key, more) => {
        select(key, more);
        focusCard(key);
      },
    });
  }
  function onKeyAnywhere(event: globalThis.KeyboardEvent) {
    const { target } = event;
    if (
      event.defaultPrevented ||
      !(target instanceof Element) ||
      target.closest("[role=dialog], [role=menu]")
    ) {
      return;
    }
    handleKeyAnywhere(event, target === document.body || target.closest("main") !== null, {
      across: () => go(isInGraph(document.activeElement) ? beside : "graph"),
      turn: () => go(beside === "text" ? "settings" : "text"),
      search: () => document.getElementById(SEARCH)?.focus(),
      undo: () => !readOnly && standIfLost(history.undo),
      redo: () => !readOnly && standIfLost(history.redo),
      list: () => setListed(true),
    });
    // A card that is moved loses the focus: then no part of the page has it, and keys go on to work.
    if (!event.defaultPrevented && target === document.body) {
      onKeyDown(event);
    }
  }

  const latest = useRef(onKeyAnywhere);
  useEffect(() => {
    latest.current = onKeyAnywhere;
  });
  useEffect(() => {
    const listen = (event: globalThis.KeyboardEvent) => latest.current(event);
    window.addEventListener("keydown", listen);
    return () => window.removeEventListener("keydown", listen);
  }, []);
  return { go, listed, onKeyDown, setListed, stand, standAfter, standIfLost };
}
