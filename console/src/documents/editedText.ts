import { useEffect, useRef, useState } from "react";
import type { DocumentKind } from "@/api/documents";
import { useDraftKeeping } from "@/builder/draftKeeping";
import type { TextHistory } from "@/builder/textHistory";
import { useTextHistory } from "@/builder/textHistory";
import type { OpenedDraft } from "./openedDraft";

/** A document as it was saved. */
export interface SavedText {
  source: string;
  version: number;
}

interface EditedTextOptions {
  kind: DocumentKind;
  /** The key of the document. */
  document: string;
  /** As it was saved last; null if it never was. */
  live: SavedText | null;
  opened: OpenedDraft;
  /** The newest version that the server has spoken of. */
  newest: number | null;
  readOnly: boolean;
  /** Reads the document again, because there is a newer version of it. */
  onNewer: () => void;
}

/** A text that is edited: with its history, its draft, and what others save meanwhile. */
export function useEditedText(options: EditedTextOptions) {
  const { kind, document, live, opened, readOnly, onNewer } = options;
  const { draft, left } = opened;
  const source = live?.source ?? "";
  const first = draft?.text ?? source;
  const base = draft === null ? (live?.version ?? null) : draft.base_version;
  const name = kind === "journey" ? document : `${kind}/${document}`;
  const history = useTextHistory(name, first, readOnly ? null : (left?.text ?? null));
  const { text } = history;
  const { keeper, ...state } = useDraftKeeping({
    kind,
    document,
    opened: { revision: draft?.revision ?? null, text: first, base },
    left: readOnly ? null : left,
    text,
    enabled: !readOnly,
  });

  const newest = Math.max(options.newest ?? 0, state.newest ?? 0);
  const version = live?.version ?? 0;
  // biome-ignore lint/correctness/useExhaustiveDependencies: asked once for each newer version.
  useEffect(() => {
    if (newest > version) {
      onNewer();
    }
  }, [newest, version]);

  const [taken, setTaken] = useState<number | null>(null);
  const { type } = history;
  const { differs } = state;
  useEffect(() => {
    if (live === null) {
      return;
    }
    if (!keeper.state().differs && keeper.text !== live.source) {
      // Nothing was changed here: what somebody else has saved is shown at once.
      type(live.source);
      setTaken(live.version);
    }
    keeper.follow(live.source, live.version);
  }, [keeper, live, type]);

  /** The text that was given up for a newer version: if it is brought back, it is stale again. */
  const givenUp = useRef<{ text: string; base: number | null } | null>(null);
  useEffect(() => {
    if (givenUp.current?.text === text) {
      keeper.rebase(givenUp.current.base);
      givenUp.current = null;
    }
  }, [keeper, text]);

  const stale =
    !readOnly &&
    live !== null &&
    differs &&
    state.keeping.state !== "conflict" &&
    live.version > (state.base ?? 0) &&
    text !== live.source;
  return {
    history,
    keeping: state.keeping,
    changed: text !== source,
    /** The version that was saved since the draft was begun, if the text does not follow it. */
    stale: stale ? { base: state.base, version: live.version, text: live.source } : null,
    /** The version of somebody else that took the place of the text, in which nothing was changed. */
    taken: taken === live?.version && !differs ? taken : null,
    remove: (now: string) => keeper.remove(now),
    /** Ends a conflict, by one text or the other. */
    settle: (mine: boolean) => {
      const { keeping } = keeper.state();
      if (keeping.state === "conflict") {
        if (!mine) {
          type(keeping.theirs.text);
        }
        keeper.settle(keeping.theirs, mine);
      }
    },
    /** Goes on from the newer version, or over it. */
    follow: (mine: boolean) => {
      if (live === null) {
        return;
      }
      if (mine) {
        keeper.rebase(live.version);
        return;
      }
      givenUp.current = { text, base: state.base };
      type(live.source);
      void keeper.remove(live.source, live.version).catch(() => undefined);
    },
  };
}

export type EditedText = Pick<
  ReturnType<typeof useEditedText>,
  "keeping" | "changed" | "stale" | "taken" | "settle" | "follow"
> & { history: TextHistory };
