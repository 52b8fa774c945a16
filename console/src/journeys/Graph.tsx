import type { Model } from "@/api/models";
import { useMay } from "@/api/session";
import { LoadingLine } from "@/components/LoadingLine";
import { ProblemNotice } from "@/components/ProblemNotice";
import { useOpenedDraft } from "@/documents/openedDraft";
import { Editor } from "./Editor";

/** The graph of a journey: its draft if there is one, else its newest version. */
export function Graph({ journey }: { journey: Model<"JourneyBody"> }) {
  const mayEdit = useMay("edit");
  const { draft, error, others, retry } = useOpenedDraft("journey", journey.key, mayEdit);
  if (mayEdit && draft === undefined) {
    return error === null ? <LoadingLine /> : <ProblemNotice error={error} retry={retry} />;
  }
  return (
    <Editor
      key={journey.key}
      journey={journey.key}
      live={journey}
      draft={draft ?? null}
      others={others.map((each) => each.name)}
      readOnly={!mayEdit}
    />
  );
}
