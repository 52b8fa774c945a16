import { useEffect, useState, useSyncExternalStore } from "react";
import { answerOf, api } from "@/api/client";
import { type DocumentKind, readSaved } from "@/api/documents";
import { ApiProblem } from "@/api/problems";
import { useSession } from "@/api/session";
import { DraftKeeper, type DraftServer, type KeptDraft, type Saved } from "./draftKeeper";
import { type LeftText, shelfOf } from "./shelf";

/** Milliseconds until a save that is not answered counts as failed. */
const PATIENCE = 20_000;
/** The browser sends no more than this on behalf of a page that is closed, in UTF-16 units. */
const LAST = 20_000;

/** Why a save was refused, if it was because the draft has changed; null for another refusal. */
async function changedMeanwhile(
  problem: ApiProblem,
  over: KeptDraft,
  base: number | null,
  { kind, key }: { kind: DocumentKind; key: string },
): Promise<Saved | null> {
  if (problem.code !== "draft_changed") {
    return null;
  }
  const draft = problem.body.draft as Record<string, unknown> | null | undefined;
  if (draft != null) {
    const theirs = {
      text: String(draft.text),
      revision: Number(draft.revision),
      savedBy: String(draft.saved_by),
    };
    return { outcome: "changed", theirs };
  }
  // It was published or deleted. If it was published, the text goes on from that version.
  const saved = await readSaved(kind, key);
  return { outcome: "gone", base: saved?.source === over.text ? saved.version : base };
}

function serverOf(kind: DocumentKind, key: string): DraftServer {
  const path = { kind, key };
  return {
    save: async ({ base, text }, over, last) => {
      try {
        const saved = await answerOf(
          api.PUT("/v1/drafts/{kind}/{key}", {
            params: { path, header: { "if-match": `"${over.revision ?? 0}"` } },
            body: { text, base_version: base },
            keepalive: last && text.length <= LAST,
            signal: AbortSignal.timeout(PATIENCE),
          }),
        );
        return { outcome: "kept", revision: saved.revision, newest: saved.newest_version };
      } catch (error) {
        const changed =
          error instanceof ApiProblem ? await changedMeanwhile(error, over, base, path) : null;
        if (changed === null) {
          throw error;
        }
        return changed;
      }
    },
    remove: async (revision) => {
      try {
        await answerOf(
          api.DELETE("/v1/drafts/{kind}/{key}", {
            params: { path, header: { "if-match": `"${revision}"` } },
          }),
        );
      } catch (error) {
        // It is gone already if what was published is the text of the draft.
        if (!(error instanceof ApiProblem && [404, 412].includes(error.status))) {
          throw error;
        }
      }
    },
  };
}

interface DraftOptions {
  kind: DocumentKind;
  /** The key of the document. */
  document: string;
  /** The draft as it was opened; the document itself if it had none. */
  opened: KeptDraft;
  /** What a page of this browser was closed with: the text that is edited now. */
  left: LeftText | null;
  text: string;
  enabled: boolean;
}

function newKeeper({ kind, document: key, opened, left }: DraftOptions): DraftKeeper {
  const keeper = new DraftKeeper(serverOf(kind, key), shelfOf(kind, key), opened);
  left?.forget();
  if (left !== null && left.text !== opened.text) {
    // A draft that this browser has sent last is one's own, though no answer came.
    const goesOn =
      (left.revision === opened.revision && left.base === opened.base) ||
      left.sent.includes(opened.text);
    const { revision, text } = opened;
    keeper.takeUp(left.text, goesOn ? null : { revision, text, savedBy: null });
  }
  return keeper;
}

/** Keeps the text of a document as a draft on the server, shortly after each change. */
export function useDraftKeeping(options: DraftOptions) {
  const { text, enabled } = options;
  const [keeper] = useState(() => newKeeper(options));
  const state = useSyncExternalStore(keeper.subscribe, keeper.state);
  const session = useSession();

  useEffect(() => {
    if (enabled) {
      keeper.change(text);
    }
  }, [enabled, keeper, text]);
  // Another session may do what the last one might not.
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new session tries again.
  useEffect(() => {
    void keeper.flush();
  }, [keeper, session]);
  useEffect(() => {
    const again = () => void keeper.flush();
    const leave = () => keeper.leave();
    const hidden = () => document.visibilityState === "hidden" && keeper.leave();
    window.addEventListener("online", again);
    window.addEventListener("pagehide", leave);
    document.addEventListener("visibilitychange", hidden);
    return () => {
      window.removeEventListener("online", again);
      window.removeEventListener("pagehide", leave);
      document.removeEventListener("visibilitychange", hidden);
      leave();
    };
  }, [keeper]);
  return { keeper, ...state };
}
