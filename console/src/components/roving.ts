import { type FocusEvent, type KeyboardEvent, useLayoutEffect, useRef } from "react";

const ITEMS = "button, summary";

function next(key: string, place: number, count: number): number | null {
  switch (key) {
    case "ArrowDown":
    case "ArrowRight":
      return (place + 1) % count;
    case "ArrowUp":
    case "ArrowLeft":
      return (place - 1 + count) % count;
    case "Home":
      return 0;
    case "End":
      return count - 1;
    default:
      return null;
  }
}

/**
 * Makes the buttons of a group one stop of the Tab key: arrows, Home and End lead on in it.
 *
 * What is returned is given to the element around the buttons.
 */
export function useRoving<Root extends HTMLElement>() {
  const root = useRef<Root>(null);
  const stop = useRef<HTMLElement | null>(null);
  function items(): HTMLElement[] {
    return [...(root.current?.querySelectorAll<HTMLElement>(ITEMS) ?? [])];
  }
  function settle() {
    const all = items();
    const kept = stop.current;
    const usable = kept !== null && all.includes(kept) && !kept.matches(":disabled");
    stop.current = usable ? kept : (all.find((each) => !each.matches(":disabled")) ?? null);
    for (const each of all) {
      const index = each === stop.current ? 0 : -1;
      if (each.tabIndex !== index) {
        each.tabIndex = index;
      }
    }
    // One that can no longer be pressed does not keep the focus.
    const focused = document.activeElement;
    if (focused?.matches(":disabled") === true && all.some((each) => each === focused)) {
      stop.current?.focus();
    }
  }
  useLayoutEffect(settle);
  return {
    ref: root,
    "data-roving": true,
    onFocus: ({ target }: FocusEvent) => {
      if (target instanceof HTMLElement && target.matches(ITEMS) && stop.current !== target) {
        stop.current = target;
        settle();
      }
    },
    onKeyDown: (event: KeyboardEvent) => {
      const all = items().filter((each) => !each.matches(":disabled") && each.checkVisibility());
      const place = all.indexOf(event.target as HTMLElement);
      const to = place < 0 ? null : next(event.key, place, all.length);
      if (to !== null && !event.ctrlKey && !event.metaKey && !event.altKey) {
        event.preventDefault();
        event.stopPropagation();
        all[to]?.focus();
      }
    },
  };
}
