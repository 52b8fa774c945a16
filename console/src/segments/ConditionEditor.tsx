import { Button, Group, List, Stack, Text } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { problemsInText, useDescription } from "@/builder/describing";
import { openText } from "@/builder/document/reading";
import { TextEditor } from "@/builder/text/TextEditor";
import { ConfirmPreview } from "@/components/ConfirmPreview";
import { ContactLink } from "@/components/ContactLink";
import { ProblemNotice } from "@/components/ProblemNotice";
import { texts } from "@/texts";
import { countMatches, saveSegment } from "./segment";
import classes from "./segments.module.css";

const words = texts.segments;

interface ConditionEditorProps {
  segment: string;
  text: string;
  readOnly: boolean;
  onText: (text: string) => void;
  onSaved: () => void;
}

/** The text of a segment with its problems, its condition in words, and how many match now. */
export function ConditionEditor(props: ConditionEditorProps) {
  const { segment, text, readOnly, onText, onSaved } = props;
  const [asked, setAsked] = useState(false);
  const described = useDescription(text).data;
  const marks = useMemo(() => {
    const [document] = openText(text).documents;
    return document === undefined || described === undefined
      ? []
      : problemsInText(document, described.problems);
  }, [described, text]);
  const count = useMutation({ mutationFn: () => countMatches(text) });
  return (
    <Stack gap="sm">
      {described?.condition != null && <Text>{described.condition}</Text>}
      <div className={classes.text}>
        <TextEditor
          label={words.text}
          text={text}
          {...(readOnly ? {} : { onChange: onText })}
          problems={marks}
        />
      </div>
      <Group gap="sm">
        <Button variant="default" loading={count.isPending} onClick={() => count.mutate()}>
          {words.count}
        </Button>
        {!readOnly && (
          <Button disabled={described?.valid !== true} onClick={() => setAsked(true)}>
            {words.save}
          </Button>
        )}
      </Group>
      {count.isPending && <Text role="status">{words.counting}</Text>}
      {count.isError && <ProblemNotice error={count.error} />}
      {count.data !== undefined && (
        <div role="status">
          <Text>{words.matches(count.data.count)}</Text>
          <List size="sm">
            {count.data.sample.map((each) => (
              <List.Item key={each.contact}>
                <ContactLink contact={each.contact} />
              </List.Item>
            ))}
          </List>
        </div>
      )}
      {asked && (
        <ConfirmPreview
          title={words.saveTitle(segment)}
          words={count.data === undefined ? words.saveBlind : words.saveWords(count.data.count)}
          confirm={texts.parts.save}
          act={() => saveSegment(segment, text)}
          onClose={() => setAsked(false)}
          onDone={() => {
            setAsked(false);
            onSaved();
          }}
        />
      )}
    </Stack>
  );
}
