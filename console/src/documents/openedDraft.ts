import { useQuery } from "@tanstack/react-query";
import { answerOf, api } from "@/api/client";
import type { DocumentKind } from "@/api/documents";
import type { Model } from "@/api/models";
import { usePresence } from "@/builder/presence";
import { type LeftText, leftText } from "@/builder/shelf";

/** What there is of a document beside its versions. */
export interface OpenedDraft {
  draft: Model<"DraftBody"> | null;
  /** What a page of this browser was closed with before the server had it. */
  left: LeftText | null;
}

/** A document of which there is nothing else. */
export const NO_DRAFT: OpenedDraft = { draft: null, left: null };

/** The draft of a document, which has one. */
async function readDraft(kind: DocumentKind, key: string): Promise<Model<"DraftBody">> {
  return await answerOf(api.GET("/v1/drafts/{kind}/{key}", { params: { path: { kind, key } } }));
}

/**
 * The draft of a document as it was when the page was opened.
 *
 * It is read once: from then on, the text is the one that is edited here.
 */
export function useOpenedDraft(kind: DocumentKind, key: string, enabled: boolean) {
  const presence = usePresence(kind, key, enabled);
  const { data: edited } = presence;
  const opened = useQuery({
    queryKey: ["draft", kind, key],
    queryFn: async (): Promise<OpenedDraft> => ({
      draft: edited?.draft == null ? null : await readDraft(kind, key),
      left: await leftText(kind, key),
    }),
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
    refetchOnWindowFocus: false,
    enabled: edited !== undefined,
  });
  return {
    opened: opened.data,
    others: presence.others,
    /** The newest version, as the server said last. */
    newest: edited?.version ?? null,
    error: opened.data === undefined ? (presence.error ?? opened.error) : null,
    retry: () => void (presence.error === null ? opened.refetch() : presence.refetch()),
  };
}
