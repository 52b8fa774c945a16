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
  const { opened, newest, error, others, retry } = useOpenedDraft("journey", journey, mayEdit);
  if (mayEdit && opened === undefined) {
    return error === null ? <LoadingLine /> : <ProblemNotice error={error} retry={retry} />;
  }
  return (
    <Page title={journey}>
      {opened === undefined || (opened.draft === null && opened.left === null) ? (
        <p>{texts.parts.notFound}</p>
      ) : (
        <Editor
          journey={journey}
          live={null}
          opened={opened}
          newest={newest}
          others={others.map((each) => each.name)}
          readOnly={false}
        />
      )}
    </Page>
  );
}
