import { useQuery } from "@tanstack/react-query";
import { answerOf, api } from "@/api/client";
import type { Model } from "@/api/models";
import { isNotFound } from "@/api/problems";
import { useMay } from "@/api/session";
import { LoadingLine } from "@/components/LoadingLine";
import { ProblemNotice } from "@/components/ProblemNotice";
import { Editor } from "./Editor";

type Journey = Model<"JourneyBody">;
type Draft = Model<"DraftBody">;

async function readDraft(journey: string): Promise<Draft | null> {
  try {
    return await answerOf(
      api.GET("/v1/drafts/{kind}/{key}", { params: { path: { kind: "journey", key: journey } } }),
    );
  } catch (error) {
    if (isNotFound(error)) {
      return null;
    }
    throw error;
  }
}

/** The graph of a journey: its draft if there is one, else its newest version. */
export function Graph({ journey }: { journey: Journey }) {
  const mayEdit = useMay("edit");
  const draft = useQuery({
    queryKey: ["draft", journey.key],
    queryFn: () => readDraft(journey.key),
    // It is read once: from then on, the text is the one that is edited here.
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
    refetchOnWindowFocus: false,
    enabled: mayEdit,
  });
  if (mayEdit && draft.data === undefined) {
    return draft.isError ? (
      <ProblemNotice error={draft.error} retry={() => draft.refetch()} />
    ) : (
      <LoadingLine />
    );
  }
  return (
    <Editor key={journey.key} journey={journey} draft={draft.data ?? null} readOnly={!mayEdit} />
  );
}
