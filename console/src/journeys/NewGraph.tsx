import { useMay } from "@/api/session";
import { LoadingLine } from "@/components/LoadingLine";
import { Page } from "@/components/Page";
import { ProblemNotice } from "@/components/ProblemNotice";
import { useOpenedDraft } from "@/documents/openedDraft";
import { texts } from "@/texts";
import { Editor } from "./Editor";

/** A journey that has no version yet, as its draft; or that there is none of this key. */
export function NewGraph({ journey }: { journey: string }) {
  const mayEdit = useMay("edit");
  const { draft, error, others, retry } = useOpenedDraft("journey", journey, mayEdit);
  if (mayEdit && draft === undefined) {
    return error === null ? <LoadingLine /> : <ProblemNotice error={error} retry={retry} />;
  }
  return (
    <Page title={journey}>
      {draft == null ? (
        <p>{texts.parts.notFound}</p>
      ) : (
        <Editor
          journey={journey}
          live={null}
          draft={draft}
          others={others.map((each) => each.name)}
          readOnly={false}
        />
      )}
    </Page>
  );
}
