import { useQuery } from "@tanstack/react-query";
import { answerOf, api } from "@/api/client";
import type { Model } from "@/api/models";
import { usePresence } from "@/builder/presence";

/** The draft of a journey, which has one. */
async function readDraft(journey: string): Promise<Model<"DraftBody">> {
  return await answerOf(
    api.GET("/v1/drafts/{kind}/{key}", { params: { path: { kind: "journey", key: journey } } }),
  );
}

/**
 * The draft of a journey as it was when the page was opened; null if it had none.
 *
 * It is read once: from then on, the text is the one that is edited here.
 */
export function useOpenedDraft(journey: string, enabled: boolean) {
  const presence = usePresence(journey, enabled);
  const { data: edited } = presence;
  const draft = useQuery({
    queryKey: ["draft", journey],
    queryFn: () => (edited?.draft == null ? null : readDraft(journey)),
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
