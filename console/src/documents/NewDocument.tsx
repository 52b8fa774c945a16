import { Button, Select, Stack } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useState } from "react";
import { useLocation } from "wouter";
import { beginDraft, type PlainKind, readDocument } from "@/api/documents";
import { ApiProblem } from "@/api/problems";
import { useFilter } from "@/components/filters";
import { KeyField } from "@/components/KeyField";
import { keyOf } from "@/components/keys";
import { Page } from "@/components/Page";
import { ProblemNotice } from "@/components/ProblemNotice";
import { texts } from "@/texts";

const words = texts.documents;

/** A document to begin with. */
export interface Example {
  id: string;
  name: string;
  /** Its text, under a key. */
  text: (key: string) => string;
}

interface NewDocumentProps {
  kind: PlainKind;
  title: string;
  /** The first one is chosen. */
  examples: readonly Example[];
  /** What is worth knowing before. */
  children?: ReactNode;
}

class KeyTaken extends Error {}

async function begin(kind: PlainKind, key: string, text: string): Promise<void> {
  if ((await readDocument(kind, key)) !== null) {
    throw new KeyTaken();
  }
  try {
    await beginDraft(kind, key, text);
  } catch (error) {
    throw error instanceof ApiProblem && error.status === 412 ? new KeyTaken() : error;
  }
}

/** Begins a document under a key of one's own, as a draft: nothing counts before it is saved. */
export function NewDocument({ kind, title, examples, children }: NewDocumentProps) {
  const [, navigate] = useLocation();
  const [from, setFrom] = useFilter("from");
  const [given] = useFilter("key");
  const [typed, setTyped] = useState(given);
  const key = keyOf(typed);
  const example = examples.find(({ id }) => id === from) ?? examples[0];
  const attempt = useMutation({
    mutationFn: (text: string) => begin(kind, key, text),
    onSuccess: () => navigate(`/${encodeURIComponent(key)}/edit`),
  });
  function submit(event: FormEvent) {
    event.preventDefault();
    if (example !== undefined && key !== "") {
      attempt.mutate(example.text(key));
    }
  }
  const taken = attempt.error instanceof KeyTaken;
  return (
    <Page title={title}>
      {children}
      <form onSubmit={submit}>
        <Stack gap="md" maw={480}>
          {examples.length > 1 && (
            <Select
              label={words.from}
              value={example?.id ?? null}
              allowDeselect={false}
              data={examples.map(({ id, name }) => ({ value: id, label: name }))}
              onChange={setFrom}
            />
          )}
          <KeyField
            name={typed}
            error={taken ? words.keyTaken : undefined}
            onChange={(name) => {
              attempt.reset();
              setTyped(name);
            }}
          />
          {attempt.isError && !taken && <ProblemNotice error={attempt.error} />}
          <Button type="submit" w="fit-content" disabled={key === ""} loading={attempt.isPending}>
            {words.create}
          </Button>
        </Stack>
      </form>
    </Page>
  );
}
