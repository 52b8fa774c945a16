import { Button, List, Select, Stack, Text } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useLocation } from "wouter";
import { answerOf, api } from "@/api/client";
import { isNotFound } from "@/api/problems";
import { useFilter } from "@/components/filters";
import { KeyField } from "@/components/KeyField";
import { keyOf } from "@/components/keys";
import { Page } from "@/components/Page";
import { ProblemNotice } from "@/components/ProblemNotice";
import { texts } from "@/texts";
import {
  aboutLibrary,
  type Beginning,
  called,
  emptyJourney,
  LIBRARY,
  readyJourney,
} from "./library";

const words = texts.starting;

async function exists(key: string): Promise<boolean> {
  try {
    await answerOf(api.GET("/v1/journeys/{key}", { params: { path: { key } } }));
    return true;
  } catch (error) {
    if (isNotFound(error)) {
      return false;
    }
    throw error;
  }
}

const UNREAD: ReadonlyMap<string, string> = new Map();

class KeyTaken extends Error {}

async function create(key: string, beginning: Beginning): Promise<void> {
  if (await exists(key)) {
    throw new KeyTaken();
  }
  if (beginning.needs.length > 0) {
    const documents = beginning.needs.map((each) => ({
      filename: `${each.kind}-${each.key}.yaml`,
      source: each.source,
    }));
    await answerOf(
      api.POST("/v1/apply", { body: { documents, in_flight: "pin", overdue: "send" } }),
    );
  }
  await answerOf(
    api.PUT("/v1/drafts/{kind}/{key}", {
      params: { path: { kind: "journey", key }, header: { "if-match": '"0"' } },
      body: { text: beginning.text, base_version: null },
    }),
  );
}

/** Begins a journey: an empty one, or one of the library, under a key of one's own. */
export function NewJourney() {
  const [, navigate] = useLocation();
  const [from, setFrom] = useFilter("from");
  const [typed, setTyped] = useState("");
  const key = keyOf(typed);
  const beginning = useQuery({
    queryKey: ["beginning", from, key],
    queryFn: () => (from === "" ? emptyJourney(key) : readyJourney(from, key)),
    enabled: key !== "",
  });
  const library = useQuery({
    queryKey: ["library"],
    queryFn: aboutLibrary,
    staleTime: Number.POSITIVE_INFINITY,
  });
  const about = library.data ?? UNREAD;
  const attempt = useMutation({
    mutationFn: (wanted: Beginning) => create(key, called(wanted, key, typed.trim())),
    onSuccess: () => navigate(`/${encodeURIComponent(key)}/graph`),
  });
  function submit(event: FormEvent) {
    event.preventDefault();
    if (beginning.data !== undefined) {
      attempt.mutate(beginning.data);
    }
  }
  const taken = attempt.error instanceof KeyTaken;
  return (
    <Page title={words.title}>
      <form onSubmit={submit}>
        <Stack gap="md" maw={480}>
          <Select
            label={words.from}
            description={from === "" ? words.emptyWords : about.get(from)}
            value={from}
            allowDeselect={false}
            maxDropdownHeight={420}
            data={[{ value: "", label: words.empty }, ...LIBRARY]}
            renderOption={({ option }) => (
              <div>
                {option.label}
                <Text size="xs" className="quiet">
                  {option.value === "" ? words.emptyWords : about.get(option.value)}
                </Text>
              </div>
            )}
            onChange={setFrom}
          />
          <KeyField
            name={typed}
            error={taken ? words.keyTaken : undefined}
            onChange={(name) => {
              attempt.reset();
              setTyped(name);
            }}
          />
          {(beginning.data?.needs.length ?? 0) > 0 && (
            <div>
              <Text size="sm">{words.adds(beginning.data?.needs.length ?? 0)}</Text>
              <List size="sm">
                {beginning.data?.needs.map((each) => (
                  <List.Item key={`${each.kind} ${each.key}`}>
                    {words.kind(each.kind, each.key)}
                  </List.Item>
                ))}
              </List>
            </div>
          )}
          {attempt.isError && !taken && <ProblemNotice error={attempt.error} />}
          <Button
            type="submit"
            w="fit-content"
            disabled={beginning.data === undefined}
            loading={attempt.isPending}
          >
            {words.create}
          </Button>
        </Stack>
      </form>
    </Page>
  );
}
