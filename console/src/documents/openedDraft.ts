import { useQuery } from "@tanstack/react-query";
import { answerOf, api } from "@/api/client";
import type { DocumentKind } from "@/api/documents";
import type { Model } from "@/api/models";
import { usePresence } from "@/builder/presence";

/** The draft of a document, which has one. */
async function readDraft(kind: DocumentKind, key: string): Promise<Model<"DraftBody">> {
  return await answerOf(api.GET("/v1/drafts/{kind}/{key}", { params: { path: { kind, key } } }));
}

/**
 * The draft of a document as it was when the page was opened; null if it had none.
 *
 * It is read once: from then on, the text is the one that is edited here.
 */
export function useOpenedDraft(kind: DocumentKind, key: string, enabled: boolean) {
  const presence = usePresence(kind, key, enabled);
  const { data: edited } = presence;
  const draft = useQuery({
    queryKey: ["draft", kind, key],
    queryFn: () => (edited?.draft == null ? null : readDraft(kind, key)),
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
    refetchOnWindowFocus: false,
    enabled: edited !== undefined,
  });
  return {
    draft: draft.data,
    others: presence.others,
    error: presence.error ?? draft.error,
    retry: () => void (presence.error === null ? draft.refetch() : presence.refetch()),
  };
}
