import { Button, List, SegmentedControl, Stack, Text, Textarea, TextInput } from "@mantine/core";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { RefusedText } from "@/components/RefusedText";
import { texts } from "@/texts";
import { type ReadLines, readEvents, readValues } from "./script";
import { TrialCounts } from "./TrialCounts";
import { TrialLines } from "./TrialLines";
import type { TrialOrder, TrialState } from "./useTrial";

const words = texts.trial;
const SAMPLE = 50;

type Who = "invented" | "known" | "sample";

interface TrialPanelProps {
  trial: TrialState;
  /** The event that begins the journey, if one does: it stands in the script from the start. */
  entry: string | null;
}

function wrong<Read>(lines: ReadLines<Read>, right: string): string | undefined {
  return lines.ok ? undefined : words.wrongLine(lines.wrong.line, right);
}

/** Who goes through the journey and what they do; below, what happened. */
export function TrialPanel({ trial, entry }: TrialPanelProps) {
  const [who, setWho] = useState<Who>("invented");
  const [person, setPerson] = useState(
    "email: ada@example.com\ncountry: FR\ntimezone: Europe/Paris",
  );
  const [contact, setContact] = useState("");
  const [size, setSize] = useState(String(SAMPLE));
  const [script, setScript] = useState(entry === null ? "" : `+0m ${entry}`);
  const [until, setUntil] = useState("");
  const values = readValues(person);
  const events = readEvents(script);
  const { play } = trial;

  function order(): TrialOrder | null {
    if (!events.ok || (who === "invented" && !values.ok)) {
      return null;
    }
    const items = events.read.map(({ at, event, properties }) => ({
      type: "track",
      at,
      event,
      properties,
    }));
    const rest = { events: items, ...(until.trim() === "" ? {} : { until: until.trim() }) };
    switch (who) {
      case "invented":
        return { ...rest, person: { userId: "trial", traits: values.ok ? values.read : {} } };
      case "known":
        return contact.trim() === "" ? null : { ...rest, contact: contact.trim() };
      case "sample":
        return { ...rest, sample: { size: Number(size) || SAMPLE } };
    }
  }
  const wanted = order();
  function submit(event: FormEvent) {
    event.preventDefault();
    if (wanted !== null) {
      play.mutate(wanted);
    }
  }
  return (
    <Stack p="md" gap="md" component="section" aria-label={words.title}>
      <Text size="sm" className="quiet">
        {words.hint}
      </Text>
      <form onSubmit={submit}>
        <Stack gap="sm">
          <SegmentedControl
            size="xs"
            fullWidth
            aria-label={words.who}
            value={who}
            data={(["invented", "known", "sample"] as const).map((value) => ({
              value,
              label: words[value],
            }))}
            onChange={(next) => setWho(next as Who)}
          />
          {who === "invented" && (
            <Textarea
              label={words.attributes}
              description={words.attributesHint}
              autosize
              minRows={2}
              value={person}
              error={wrong(values, words.rightAttribute)}
              onChange={(event) => setPerson(event.currentTarget.value)}
            />
          )}
          {who === "known" && (
            <TextInput
              label={words.contact}
              value={contact}
              onChange={(event) => setContact(event.currentTarget.value)}
            />
          )}
          {who === "sample" && (
            <TextInput
              label={words.size}
              inputMode="numeric"
              value={size}
              onChange={(event) => setSize(event.currentTarget.value)}
            />
          )}
          <Textarea
            label={words.events}
            description={words.eventsHint}
            autosize
            minRows={2}
            value={script}
            error={wrong(events, words.rightEvent)}
            onChange={(event) => setScript(event.currentTarget.value)}
          />
          <TextInput
            label={words.until}
            placeholder="30d"
            value={until}
            onChange={(event) => setUntil(event.currentTarget.value)}
          />
          <Button type="submit" w="fit-content" disabled={wanted === null} loading={play.isPending}>
            {words.play}
          </Button>
          {play.isPending && (
            <Text size="sm" role="status">
              {words.playing}
            </Text>
          )}
        </Stack>
      </form>
      {play.isError && <RefusedText error={play.error} />}
      {play.data !== undefined && <Played trial={trial} />}
    </Stack>
  );
}

/** What happened, brought into view once it is there. */
function Played({ trial }: { trial: TrialState }) {
  const played = trial.play.data;
  const shown = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (played !== undefined) {
      shown.current?.scrollIntoView({ block: "nearest" });
    }
  }, [played]);
  if (played === undefined) {
    return null;
  }
  return (
    <div aria-live="polite" ref={shown}>
      <Button variant="default" size="compact-sm" mb="sm" onClick={() => trial.play.reset()}>
        {words.clear}
      </Button>
      {played.summary === null ? (
        <TrialLines trial={trial} />
      ) : (
        <>
          <Text size="sm" className="quiet">
            {words.onGraph}
          </Text>
          <TrialCounts counts={played.summary} />
        </>
      )}
      {played.warnings.length > 0 && (
        <>
          <Text fw={600}>{words.warnings}</Text>
          <List size="sm">
            {played.warnings.map((warning) => (
              <List.Item key={warning}>{warning}</List.Item>
            ))}
          </List>
        </>
      )}
    </div>
  );
}
