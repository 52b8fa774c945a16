import type { Model } from "@/api/models";
import { useMay } from "@/api/session";
import { LoadingLine } from "@/components/LoadingLine";
import { ProblemNotice } from "@/components/ProblemNotice";
import { NO_DRAFT, useOpenedDraft } from "@/documents/openedDraft";
import { Editor } from "./Editor";

/** The graph of a journey: its draft if there is one, else its newest version. */
export function Graph({ journey }: { journey: Model<"JourneyBody"> }) {
  const mayEdit = useMay("edit");
  const { opened, newest, error, others, retry } = useOpenedDraft("journey", journey.key, mayEdit);
  if (mayEdit && opened === undefined) {
    return error === null ? <LoadingLine /> : <ProblemNotice error={error} retry={retry} />;
  }
  return (
    <Editor
      key={journey.key}
      journey={journey.key}
      live={journey}
      opened={opened ?? NO_DRAFT}
      newest={newest}
      others={others.map((each) => each.name)}
      readOnly={!mayEdit}
    />
  );
}
