import { Stack, TextInput } from "@mantine/core";
import { useState } from "react";
import { useLocation } from "wouter";
import { isDocumentKey } from "@/builder/document/schema";
import { Page } from "@/components/Page";
import { texts } from "@/texts";
import { ConditionEditor } from "./ConditionEditor";

const words = texts.segments;

function beginning(key: string): string {
  return `segment: ${key}\nif:\n  all:\n    - {attribute: country, is: FR}\n`;
}

/** A new segment: its key, and its condition. */
export function NewSegment() {
  const [, navigate] = useLocation();
  const [key, setKey] = useState("");
  const [text, setText] = useState(beginning("my-segment"));
  const valid = isDocumentKey(key);
  return (
    <Page title={words.open}>
      <Stack gap="md">
        <TextInput
          maw={480}
          label={words.key}
          description={words.keyHint}
          value={key}
          error={key !== "" && !valid ? texts.starting.keyWrong : undefined}
          onChange={(event) => {
            const next = event.currentTarget.value.trim();
            setKey(next);
            setText((before) => before.replace(/^segment:.*$/m, `segment: ${next}`));
          }}
        />
        <ConditionEditor
          segment={key}
          text={text}
          readOnly={!valid}
          onText={setText}
          onSaved={() => navigate(`/${encodeURIComponent(key)}/condition`)}
        />
      </Stack>
    </Page>
  );
}
