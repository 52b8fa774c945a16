/** Texts that the server does not have yet, kept in this browser: they outlive their tab. */

import type { Shelf, ShelvedDraft } from "./draftKeeper";

const PREFIX = "parcours.unsaved.";
/** This page, among all that this browser has open. */
const TAB = crypto.randomUUID().replaceAll("-", "");
const LOCK = "parcours.tab.";

// Held for as long as the page lives: other tabs see by it which texts are still being typed.
void navigator.locks?.request(LOCK + TAB, () => new Promise(() => undefined));

function nameOf(kind: string, key: string, tab: string): string {
  return `${PREFIX}${kind}.${key}.${tab}`;
}

let shelves = 0;

/** Where a page puts the text of a document until the server has it. */
export function shelfOf(kind: string, key: string): Shelf {
  shelves += 1;
  const name = nameOf(kind, key, `${TAB}-${shelves}`);
  return {
    put: (draft) => {
      try {
        localStorage.setItem(name, JSON.stringify({ ...draft, at: Date.now() }));
      } catch {
        // The browser has no room: the text lives as long as the page.
      }
    },
    clear: () => localStorage.removeItem(name),
  };
}

/** A text that a page of this browser was closed with. */
export interface LeftText extends ShelvedDraft {
  /** Takes it off the shelf. */
  readonly forget: () => void;
}

function readLeft(name: string): (ShelvedDraft & { at: number }) | null {
  try {
    const read: unknown = JSON.parse(localStorage.getItem(name) ?? "null");
    if (typeof read === "object" && read !== null && "text" in read) {
      const { at, base, revision, sent, text } = read as Record<string, unknown>;
      const whole = (value: unknown) => (typeof value === "number" ? value : null);
      return typeof text === "string"
        ? {
            at: whole(at) ?? 0,
            base: whole(base),
            revision: whole(revision),
            sent: Array.isArray(sent) ? sent.filter((each) => typeof each === "string") : [],
            text,
          }
        : null;
    }
  } catch {
    // What is no text of ours is no text.
  }
  return null;
}

/** The names of the pages of this browser that are open now, this one not among them. */
async function openTabs(): Promise<ReadonlySet<string>> {
  const locks = await navigator.locks?.query();
  const names = (locks?.held ?? []).flatMap(({ name }) => name ?? []);
  return new Set(names.filter((name) => name !== LOCK + TAB));
}

/** The newest text of a document that a closed page has left; null if none has. */
export async function leftText(kind: string, key: string): Promise<LeftText | null> {
  const open = await openTabs();
  const start = nameOf(kind, key, "");
  const found = Object.keys(localStorage)
    .filter((name) => name.startsWith(start))
    .filter((name) => !open.has(LOCK + name.slice(start.length).replace(/-\d+$/, "")))
    .flatMap((name) => {
      const left = readLeft(name);
      return left === null ? [] : [{ ...left, forget: () => localStorage.removeItem(name) }];
    });
  return found.sort((one, other) => other.at - one.at)[0] ?? null;
}
