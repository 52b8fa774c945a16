/** Undo and redo without end, for a text that is edited as a graph and as text alike. */

import {
  applyPatches,
  composed,
  difference,
  inverse,
  type TextPatch,
} from "@/builder/document/patches";
import type { Path } from "@/builder/document/reading";

/** One step back, or forward again. */
interface Change {
  readonly forward: readonly TextPatch[];
  readonly back: readonly TextPatch[];
  /** When it was made, in milliseconds. */
  readonly at: number;
  /** Whether typing that goes on without a pause joins it. */
  readonly typing: boolean;
  /** What was selected before and after, as paths of the edited document. */
  readonly before: readonly Path[];
  readonly after: readonly Path[];
}

/** A text with all that was done to it. It is never changed: every edit gives a new one. */
export interface History {
  readonly text: string;
  readonly done: readonly Change[];
  readonly undone: readonly Change[];
}

/** What is known of an edit beside its patches. */
export interface Circumstances {
  readonly at: number;
  /** Typing in the text editor or in a field: a pause begins a new step. */
  readonly typing?: boolean;
  readonly before?: readonly Path[];
  readonly after?: readonly Path[];
}

/** An undone or redone step: the patches for the text editor, and what to select. */
export interface Travelled {
  readonly history: History;
  readonly patches: readonly TextPatch[];
  readonly selection: readonly Path[];
}

/** Typing goes on in the same step until it rests for so long, in milliseconds. */
export const PAUSE = 800;

export function newHistory(text: string): History {
  return { text, done: [], undone: [] };
}

/** The history after an edit. What was undone before it can no longer be redone. */
export function recorded(
  history: History,
  patches: readonly TextPatch[],
  { at, typing = false, before = [], after = [] }: Circumstances,
): History {
  const text = applyPatches(history.text, patches);
  if (text === history.text) return history;
  const back = inverse(history.text, patches);
  const last = history.done.at(-1);
  const joins =
    typing && last?.typing === true && at - last.at < PAUSE && history.undone.length === 0;
  if (!joins || last === undefined) {
    const change = { forward: patches, back, at, typing, before, after };
    return { text, done: [...history.done, change], undone: [] };
  }
  const change = {
    forward: composed(lengthBefore(history.text, last), last.forward, patches),
    back: composed(text.length, back, last.back),
    at,
    typing,
    before: last.before,
    after,
  };
  return { text, done: [...history.done.slice(0, -1), change], undone: [] };
}

/** The history after the text became another one elsewhere: an edit like any other. */
export function replaced(history: History, text: string, circumstances: Circumstances): History {
  const patch = difference(history.text, text);
  return patch === null ? history : recorded(history, [patch], circumstances);
}

function lengthBefore(text: string, { forward }: Change): number {
  return forward.reduce(
    (length, { from, to, insert }) => length - insert.length + (to - from),
    text.length,
  );
}

/** One step back, or null at the beginning. */
export function undo({ text, done, undone }: History): Travelled | null {
  const change = done.at(-1);
  if (change === undefined) return null;
  const history = {
    text: applyPatches(text, change.back),
    done: done.slice(0, -1),
    undone: [...undone, change],
  };
  return { history, patches: change.back, selection: change.before };
}

/** One step forward again, or null if nothing was undone. */
export function redo({ text, done, undone }: History): Travelled | null {
  const change = undone.at(-1);
  if (change === undefined) return null;
  const history = {
    text: applyPatches(text, change.forward),
    // Typing after a redo begins a step of its own.
    done: [...done, { ...change, typing: false }],
    undone: undone.slice(0, -1),
  };
  return { history, patches: change.forward, selection: change.after };
}

const VERSION = 1;

/** A history as text, to keep over a reload of the page. */
export function saved(history: History): string {
  return JSON.stringify({ version: VERSION, ...history });
}

/**
 * The history that was saved, for the text as it is now; an edit made elsewhere becomes its last
 * step. Null if `json` is no history.
 */
export function restored(json: string, text: string, at: number): History | null {
  let read: unknown;
  try {
    read = JSON.parse(json);
  } catch {
    return null;
  }
  if (!isHistory(read)) return null;
  const history = { text: read.text, done: read.done, undone: read.undone };
  return leadsBack(history) ? replaced(history, text, { at }) : null;
}

function isHistory(value: unknown): value is History & { version: number } {
  if (typeof value !== "object" || value === null) return false;
  const { version, text, done, undone } = value as Record<string, unknown>;
  return (
    version === VERSION &&
    typeof text === "string" &&
    [done, undone].every((changes) => Array.isArray(changes) && changes.every(isChange))
  );
}

function isChange(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { forward, back, at, typing, before, after } = value as Record<string, unknown>;
  return (
    [forward, back].every((patches) => Array.isArray(patches) && patches.every(isPatch)) &&
    typeof at === "number" &&
    typeof typing === "boolean" &&
    Array.isArray(before) &&
    Array.isArray(after)
  );
}

function isPatch(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { from, to, insert } = value as Record<string, unknown>;
  const numbers = [from, to].every((each) => Number.isInteger(each) && Number(each) >= 0);
  return numbers && Number(from) <= Number(to) && typeof insert === "string";
}

/** Whether the patches of a history fit its text, up to its beginning and to its end. */
function leadsBack(history: History): boolean {
  const fits = (length: number, patches: readonly TextPatch[]) =>
    patches.every(
      ({ to }, index) =>
        to <= length && (patches[index - 1]?.to ?? 0) <= (patches[index]?.from ?? 0),
    );
  const after = (length: number, patches: readonly TextPatch[]) =>
    patches.reduce((sum, { from, to, insert }) => sum - (to - from) + insert.length, length);
  let length = history.text.length;
  for (const { back } of [...history.done].reverse()) {
    if (!fits(length, back)) return false;
    length = after(length, back);
  }
  length = history.text.length;
  for (const { forward } of [...history.undone].reverse()) {
    if (!fits(length, forward)) return false;
    length = after(length, forward);
  }
  return true;
}
