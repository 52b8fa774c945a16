import { useEffect, useRef, useState } from "react";
import { api } from "@/api/client";
import type { DocumentKind } from "@/api/documents";
import { ApiProblem, problemOf } from "@/api/problems";

/** Milliseconds after the last change until a draft is kept on the server. */
const PAUSE = 800;
const AGAIN = 5_000;

/** How the draft of a document stands on the server. */
export type Keeping =
  | { readonly state: "kept" }
  | { readonly state: "changed" }
  | { readonly state: "keeping" }
  /** The server cannot be reached, or refuses: the text is kept in this browser meanwhile. */
  | { readonly state: "waiting"; readonly error: unknown }
  /** Someone else has saved since: both texts are shown, and one of them is chosen. */
  | { readonly state: "conflict"; readonly theirs: OtherDraft };

export interface OtherDraft {
  readonly text: string;
  readonly revision: number;
  readonly savedBy: string;
  readonly savedAt: string;
}

interface Kept {
  revision: number | null;
  text: string;
}

function otherDraft(body: Readonly<Record<string, unknown>>): OtherDraft | null {
  const draft = body.draft as Record<string, unknown> | undefined;
  if (draft === undefined || typeof draft.text !== "string") {
    return null;
  }
  return {
    text: draft.text,
    revision: Number(draft.revision),
    savedBy: String(draft.saved_by),
    savedAt: String(draft.saved_at),
  };
}

interface DraftOptions {
  kind: DocumentKind;
  /** The key of the document. */
  document: string;
  /** The draft as it was opened: its revision, or null if there was none, and its text. */
  opened: Kept;
  baseVersion: number | null;
  text: string;
  enabled: boolean;
}

/** Keeps the text of a document as a draft on the server, shortly after each change. */
export function useDraftKeeping({
  kind,
  document: key,
  opened,
  baseVersion,
  text,
  enabled,
}: DraftOptions) {
  const kept = useRef<Kept>(opened);
  const [keeping, setKeeping] = useState<Keeping>({ state: "kept" });
  const [attempt, setAttempt] = useState(0);
  const conflict = keeping.state === "conflict";

  // biome-ignore lint/correctness/useExhaustiveDependencies: another attempt saves again.
  useEffect(() => {
    if (!enabled || conflict || text === kept.current.text) {
      return;
    }
    setKeeping({ state: "changed" });
    let again: ReturnType<typeof setTimeout> | undefined;
    const timer = setTimeout(async () => {
      if (text === kept.current.text) {
        return;
      }
      setKeeping({ state: "keeping" });
      try {
        const revision = kept.current.revision;
        const { data, error, response } = await api.PUT("/v1/drafts/{kind}/{key}", {
          params: {
            path: { kind, key },
            header: { "if-match": `"${revision ?? 0}"` },
          },
          body: { text, base_version: baseVersion },
        });
        if (data !== undefined) {
          kept.current = { revision: data.revision, text };
          setKeeping({ state: "kept" });
          return;
        }
        throw problemOf(response, error);
      } catch (problem) {
        const theirs = problem instanceof ApiProblem ? otherDraft(problem.body) : null;
        if (theirs !== null) {
          setKeeping({ state: "conflict", theirs });
          return;
        }
        setKeeping({ state: "waiting", error: problem });
        again = setTimeout(() => setAttempt((count) => count + 1), AGAIN);
      }
    }, PAUSE);
    return () => {
      clearTimeout(timer);
      clearTimeout(again);
    };
  }, [attempt, baseVersion, conflict, enabled, key, kind, text]);

  /** Goes on after a conflict from the other's revision: with their text, or over it. */
  function settle(theirs: OtherDraft, mine: boolean) {
    kept.current = { revision: theirs.revision, text: mine ? theirs.text : theirs.text };
    setKeeping({ state: mine ? "changed" : "kept" });
    setAttempt((count) => count + 1);
  }

  /** Removes the draft, if it is still as it was kept; `now` is the text that needs none. */
  async function remove(now: string): Promise<void> {
    const { revision } = kept.current;
    kept.current = { revision: null, text: now };
    setKeeping({ state: "kept" });
    if (revision === null) {
      return;
    }
    const { error, response } = await api.DELETE("/v1/drafts/{kind}/{key}", {
      params: {
        path: { kind, key },
        header: { "if-match": `"${revision}"` },
      },
    });
    // It is gone already if what was published is the text of the draft.
    if (!response.ok && response.status !== 404 && response.status !== 412) {
      throw problemOf(response, error);
    }
  }
  return { keeping, settle, remove };
}
