import { Button, Group, Stack, Switch, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { problemsInText, useDescription } from "@/builder/describing";
import { valueAt } from "@/builder/document/model";
import { openText } from "@/builder/document/reading";
import { editBetween } from "@/builder/document/valueDifferences";
import { nodeValue } from "@/builder/document/values";
import { TextEditor } from "@/builder/text/TextEditor";
import type { TextHistory } from "@/builder/textHistory";
import { ConfirmPreview } from "@/components/ConfirmPreview";
import { useFilter } from "@/components/filters";
import { ConditionEditor as Condition } from "@/conditions/ConditionEditor";
import { texts } from "@/texts";
import { countMatches, saveSegment } from "./segment";
import classes from "./segments.module.css";

const words = texts.segments;

/** Where the condition of a segment stands. */
const IF = ["if"] as const;

interface ConditionEditorProps {
  segment: string;
  history: TextHistory;
  readOnly: boolean;
  onSaved: () => void;
}

/** The condition of a segment as sentences, its text beside, and how many match now. */
export function ConditionEditor({ segment, history, readOnly, onSaved }: ConditionEditorProps) {
  const { text } = history;
  const [asked, setAsked] = useState(false);
  const [view, setView] = useFilter("text");
  const described = useDescription(text).data;
  const file = useMemo(() => openText(text), [text]);
  const place = file.documents.findIndex((document) => document.kind === "segment");
  const document = file.documents[place];
  const marks = useMemo(
    () =>
      document === undefined || described === undefined
        ? []
        : problemsInText(document, described.problems),
    [described, document],
  );
  const readable = document !== undefined && document.problems.length === 0;
  const condition = readable ? valueAt(nodeValue(document, document.tree.contents), IF) : undefined;
  return (
    <Stack gap="sm">
      <div className={classes.editor} data-text={view !== "off" || undefined}>
        <div className={classes.condition}>
          {readable ? (
            <Condition
              label={words.tabs.condition}
              value={condition}
              required
              readOnly={readOnly}
              onChange={(next, typing = false) => {
                const edit = editBetween(IF, condition, next);
                if (edit !== null) {
                  history.edit(edit, place, typing);
                }
              }}
            />
          ) : (
            <Text role="alert">{texts.builder.refusals.unreadable}</Text>
          )}
          {history.refusal !== null && (
            <Text size="sm" role="alert">
              {texts.builder.refusals[history.refusal.reason]}
            </Text>
          )}
          <Problems problems={described?.problems ?? []} />
        </div>
        {view !== "off" && (
          <div className={classes.text}>
            <TextEditor
              label={words.text}
              text={text}
              {...(readOnly ? {} : { onChange: history.type })}
              problems={marks}
              onUndo={history.undo}
              onRedo={history.redo}
            />
          </div>
        )}
      </div>
      <Group gap="sm">
        {!readOnly && (
          <>
            <Button disabled={described?.valid !== true} onClick={() => setAsked(true)}>
              {words.save}
            </Button>
            <Button variant="default" disabled={!history.canUndo} onClick={history.undo}>
              {texts.builder.undo}
            </Button>
            <Button variant="default" disabled={!history.canRedo} onClick={history.redo}>
              {texts.builder.redo}
            </Button>
          </>
        )}
        <Switch
          size="xs"
          label={words.showText}
          checked={view !== "off"}
          onChange={(event) => setView(event.currentTarget.checked ? null : "off")}
        />
      </Group>
      {asked && (
        <SaveDialog
          segment={segment}
          text={text}
          onClose={() => setAsked(false)}
          onSaved={() => {
            setAsked(false);
            onSaved();
          }}
        />
      )}
    </Stack>
  );
}

interface ProblemsProps {
  problems: readonly { severity: string; message: string; hint: string | null }[];
}

function Problems({ problems }: ProblemsProps) {
  return problems.map((problem) => (
    <Text
      key={`${problem.message} ${problem.hint}`}
      size="sm"
      className={problem.severity === "error" ? classes.wrong : "quiet"}
    >
      {[problem.message, problem.hint].filter(Boolean).join("; ")}
    </Text>
  ));
}

interface SaveDialogProps {
  segment: string;
  text: string;
  onClose: () => void;
  onSaved: () => void;
}

/** Says how many contacts match, then asks once. */
function SaveDialog({ segment, text, onClose, onSaved }: SaveDialogProps) {
  const found = useQuery({
    queryKey: ["segment-matches", text],
    queryFn: () => countMatches(text),
    retry: false,
  });
  const said = found.data === undefined ? words.saveBlind : words.saveWords(found.data.count);
  return (
    <ConfirmPreview
      title={words.saveTitle(segment)}
      words={said}
      confirm={texts.parts.save}
      act={() => saveSegment(segment, text)}
      onClose={onClose}
      onDone={onSaved}
    />
  );
}
