import { Button, Group, Text } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useMemo, useState } from "react";
import type { PlainDocument, PlainKind } from "@/api/documents";
import { problemsInText, useDescription } from "@/builder/describing";
import { openText } from "@/builder/document/reading";
import type { TextProblem } from "@/builder/text/CodeEditor";
import { TextEditor } from "@/builder/text/TextEditor";
import type { TextHistory } from "@/builder/textHistory";
import { ConfirmPreview } from "@/components/ConfirmPreview";
import { useFilter } from "@/components/filters";
import { texts } from "@/texts";
import { DocumentFields } from "./DocumentFields";
import { DraftNotices, KeepingWords } from "./DraftState";
import classes from "./documents.module.css";
import { EditedParts } from "./EditedParts";
import { useEditedText } from "./editedText";
import { NO_DRAFT, type OpenedDraft } from "./openedDraft";
import { Problems } from "./Problems";
import { SaveDocument } from "./SaveDocument";

const words = texts.documents;

/** What stands around the fields of a document while it is edited. */
export interface Edited {
  /** The document and what changes it. */
  history: TextHistory;
  /** Whether the text has no error, as far as the server has looked. */
  valid: boolean;
  /** What the server says of it, which stands above already. */
  problems: readonly TextProblem[];
  readOnly: boolean;
}

export interface DocumentEditorProps {
  kind: PlainKind;
  document: string;
  /** The newest version; null if there is none yet. */
  live: PlainDocument | null;
  opened: OpenedDraft;
  /** The newest version that the server has spoken of. */
  newest: number | null;
  /** Who else edits it now. */
  others: readonly string[];
  readOnly: boolean;
  /** Fields of the page's own before those of the language, such as a condition as sentences. */
  fields?: (edited: Edited) => ReactNode;
  /** The keys of those fields. */
  without?: readonly string[];
  /** What stands beside what is edited, such as a preview; else the text. */
  beside?: (edited: Edited) => ReactNode;
}

/** A document in fields and as text, with its problems, its draft kept, and the way to save it. */
export function DocumentEditor({
  kind,
  document,
  live,
  opened,
  newest,
  others,
  readOnly,
  fields,
  without,
  beside,
}: DocumentEditorProps) {
  const queries = useQueryClient();
  const source = live?.source ?? "";
  const kept = useEditedText({
    kind,
    document,
    live,
    opened,
    newest,
    readOnly,
    onNewer: () => void queries.invalidateQueries({ queryKey: ["document", kind, document] }),
  });
  const { changed, history, keeping, remove } = kept;
  const { text } = history;
  const described = useDescription(text).data;
  const marks = useMemo(() => {
    const [first] = openText(text).documents;
    return first === undefined || described === undefined
      ? []
      : problemsInText(first, described.problems);
  }, [described, text]);
  const [, setView] = useFilter("side");
  const [place, setPlace] = useState<TextProblem>();
  const [asked, setAsked] = useState<"save" | "discard" | null>(null);
  const edited: Edited = { history, valid: described?.valid === true, problems: marks, readOnly };

  async function withoutDraft() {
    setAsked(null);
    queries.setQueryData(["draft", kind, document], NO_DRAFT);
    queries.removeQueries({ queryKey: ["presence", kind, document] });
    await queries.invalidateQueries({ queryKey: ["drafts", kind] });
    await queries.invalidateQueries({ queryKey: ["document", kind, document] });
    await queries.invalidateQueries({ queryKey: ["documents", kind] });
  }
  const asText = (
    <div className={classes.text}>
      <TextEditor
        label={words.text}
        text={text}
        {...(readOnly ? {} : { onChange: history.type })}
        problems={marks}
        selection={place}
        onUndo={history.undo}
        onRedo={history.redo}
      />
    </div>
  );
  const asFields = (
    <section aria-label={words.fields}>
      {fields?.(edited)}
      <DocumentFields kind={kind} history={history} readOnly={readOnly} without={without ?? []} />
    </section>
  );
  return (
    <>
      <Group gap="sm" mb="sm" justify="space-between">
        <Group gap="sm">
          {readOnly ? (
            <Text size="sm" className="quiet">
              {words.readOnly}
            </Text>
          ) : (
            <>
              <Button variant="default" disabled={!history.canUndo} onClick={history.undo}>
                {texts.builder.undo}
              </Button>
              <Button variant="default" disabled={!history.canRedo} onClick={history.redo}>
                {texts.builder.redo}
              </Button>
              <KeepingWords keeping={keeping} changed={changed} />
            </>
          )}
          {others.length > 0 && (
            <Text size="sm" role="status">
              {texts.publishing.editors(others.join(", "))}
            </Text>
          )}
        </Group>
        {!readOnly && (
          <Group gap="sm">
            {changed && live !== null && (
              <Button variant="default" onClick={() => setAsked("discard")}>
                {texts.publishing.discard}
              </Button>
            )}
            <Button
              disabled={!changed || described?.valid !== true}
              onClick={() => setAsked("save")}
            >
              {words.save}
            </Button>
          </Group>
        )}
      </Group>
      <DraftNotices edited={kept} />
      {history.refusal !== null && (
        <Text size="sm" role="alert">
          {texts.builder.refusals[history.refusal.reason]}
        </Text>
      )}
      <div aria-live="polite">
        <Problems
          text={text}
          problems={marks}
          onShow={(problem) => {
            setPlace({ ...problem });
            if (beside !== undefined) {
              setView("text");
            }
          }}
        />
      </div>
      <EditedParts asFields={asFields} asText={asText} beside={beside?.(edited)} />
      {asked === "save" && (
        <SaveDocument
          kind={kind}
          document={document}
          text={text}
          onClose={() => setAsked(null)}
          onDone={async () => {
            await remove(text).catch(() => undefined);
            await withoutDraft();
          }}
        />
      )}
      {asked === "discard" && (
        <ConfirmPreview
          title={texts.publishing.discard}
          words={texts.publishing.discardWords}
          confirm={texts.publishing.discard}
          act={() => remove(source)}
          onClose={() => setAsked(null)}
          onDone={() => {
            history.type(source);
            void withoutDraft();
          }}
        />
      )}
    </>
  );
}
