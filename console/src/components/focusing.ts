import { flushSync } from "react-dom";

const FIELDS = ':is(input:not([type="hidden"]), textarea, select, [contenteditable="true"])';
const STOPS = `:is(${FIELDS}, button, summary, a[href])`;
/** Milliseconds that a part may take until it is shown: what edits a text is loaded first. */
const PATIENCE = 10_000;

/** A part of the page, looked for once it is wanted. */
type Finding = () => Element | null | undefined;

function usable(part: HTMLElement): boolean {
  return !part.matches(":disabled") && part.checkVisibility();
}

function firstOf(part: Element, selector: string): HTMLElement | undefined {
  const within = [...part.querySelectorAll<HTMLElement>(selector)];
  return (part.matches(selector) ? [part as HTMLElement, ...within] : within).find(usable);
}

/** Puts the focus on the first field of a part, else its first button; not if it is in there. */
export function focusWithin(part: Element | null | undefined): boolean {
  if (part == null) {
    return false;
  }
  const focused = document.activeElement;
  if (focused !== null && part.contains(focused) && !focused.matches(":disabled")) {
    return true;
  }
  const first = firstOf(part, FIELDS) ?? firstOf(part, STOPS);
  first?.focus();
  return first !== undefined;
}

/** Makes a change, and puts the focus on the first of these parts that is there afterwards. */
export function changeThenFocus(change: () => void, ...parts: readonly Finding[]): void {
  flushSync(change);
  parts.some((find) => focusWithin(find()));
}

/** Makes a change, and puts the focus on the field, or else the button, that it brings in a part. */
export function changeThenFocusNew(part: Element | null | undefined, change: () => void): void {
  if (part == null) {
    change();
    return;
  }
  const before = new Set(part.querySelectorAll(STOPS));
  flushSync(change);
  const brought = [...part.querySelectorAll<HTMLElement>(STOPS)].filter(
    (each) => !before.has(each) && usable(each),
  );
  if (!brought.some((each) => each === document.activeElement)) {
    (brought.find((each) => each.matches(FIELDS)) ?? brought[0])?.focus();
  }
}

/** Whether no part of the page has the focus: what had it is gone. */
export function focusIsLost(): boolean {
  return document.activeElement === null || document.activeElement === document.body;
}

let wanted = 0;

/**
 * Puts the focus on a part as soon as it is shown.
 *
 * What is asked for later counts instead, and so does a part that somebody has gone to meanwhile.
 */
export function focusOnceShown(find: () => HTMLElement | null | undefined): void {
  wanted += 1;
  const own = wanted;
  const until = performance.now() + PATIENCE;
  const before = document.activeElement;
  const look = () => {
    const left = !focusIsLost() && document.activeElement !== before;
    if (own !== wanted || left || performance.now() > until) {
      return;
    }
    const part = find();
    if (part != null) {
      part.focus({ preventScroll: true });
    } else {
      requestAnimationFrame(look);
    }
  };
  requestAnimationFrame(look);
}
