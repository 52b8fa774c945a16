import { Stack, TextInput } from "@mantine/core";
import { useState } from "react";
import { useLocation } from "wouter";
import { isDocumentKey } from "@/builder/document/schema";
import { useTextHistory } from "@/builder/textHistory";
import { Page } from "@/components/Page";
import { texts } from "@/texts";
import { ConditionEditor } from "./ConditionEditor";

const words = texts.segments;

const BEGINNING = `segment: my-segment
if:
  all:
    - {attribute: country, exists: true}
`;

/** A new segment: its key, and its condition. */
export function NewSegment() {
  const [, navigate] = useLocation();
  const [key, setKey] = useState("");
  const history = useTextHistory("segment", BEGINNING);
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
            if (isDocumentKey(next)) {
              history.edit({ edit: "set", path: ["segment"], value: next }, 0, true);
            }
          }}
        />
        <ConditionEditor
          segment={key}
          history={history}
          readOnly={!valid}
          onSaved={() => navigate(`/${encodeURIComponent(key)}/condition`)}
        />
      </Stack>
    </Page>
  );
}
