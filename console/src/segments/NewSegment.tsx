import { Stack } from "@mantine/core";
import { useEffect, useState } from "react";
import { useLocation } from "wouter";
import { useTextHistory } from "@/builder/textHistory";
import { useFilter } from "@/components/filters";
import { KeyField } from "@/components/KeyField";
import { keyOf } from "@/components/keys";
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
  const [given] = useFilter("key");
  const [name, setName] = useState(given);
  const key = keyOf(name);
  const history = useTextHistory("segment", BEGINNING);
  const valid = key !== "";
  const { edit } = history;
  useEffect(() => {
    if (valid) {
      edit({ edit: "set", path: ["segment"], value: key }, 0, true);
    }
  }, [edit, key, valid]);
  return (
    <Page title={words.open}>
      <Stack gap="md">
        <KeyField name={name} onChange={setName} />
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
