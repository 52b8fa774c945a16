import { Button, Modal, SegmentedControl, Slider, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { kindName } from "@/builder/graph/cardWords";
import { duration } from "@/components/times";
import { texts } from "@/texts";
import { MessageFrame } from "./MessageFrame";
import classes from "./trial.module.css";
import type { TrialLine, TrialState } from "./useTrial";

const words = texts.trial;

function shown(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** How long after the first line another one is: `at once`, `after 3 d`. */
function sinceStart(first: string | undefined, at: string): string {
  const seconds = (Date.parse(at) - Date.parse(first ?? at)) / 1000;
  return seconds < 1 ? words.atOnce : words.after(duration(seconds));
}

/** What happened, line by line, with a slider of time that lights the path up to it. */
export function TrialLines({ trial }: { trial: TrialState }) {
  const [message, setMessage] = useState<TrialLine | null>(null);
  const { lines, shown: upTo, setUpTo } = trial;
  if (lines.length === 0) {
    return <Text>{words.nothing}</Text>;
  }
  return (
    <Stack gap="sm">
      <Slider
        min={0}
        max={lines.length}
        value={upTo}
        onChange={setUpTo}
        label={null}
        thumbLabel={words.upTo}
        aria-label={words.upTo}
      />
      <ol className={classes.lines} aria-label={words.lines}>
        {lines.map((line, place) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: what happened has no other name.
          <li key={place} data-later={place >= upTo || undefined}>
            <div className={classes.head}>
              <span>
                {[kindName(line.kind), line.step, line.outcome].filter(Boolean).join(" · ")}
              </span>
              <time dateTime={line.at} title={line.local}>
                {sinceStart(lines[0]?.at, line.at)}
              </time>
            </div>
            {shown(line.facts.to) !== "" && (
              <div className={classes.head}>
                <Text size="sm">
                  {[shown(line.facts.subject), words.message(shown(line.facts.to))]
                    .filter(Boolean)
                    .join(" · ")}
                </Text>
                <Button size="compact-xs" variant="default" onClick={() => setMessage(line)}>
                  {words.open}
                </Button>
              </div>
            )}
          </li>
        ))}
      </ol>
      {message !== null && <Message line={message} onClose={() => setMessage(null)} />}
    </Stack>
  );
}

function Message({ line, onClose }: { line: TrialLine; onClose: () => void }) {
  const html = shown(line.facts.html);
  const [view, setView] = useState(html === "" ? "text" : "page");
  return (
    <Modal
      opened
      onClose={onClose}
      size="xl"
      title={shown(line.facts.subject) || words.message(shown(line.facts.to))}
      closeButtonProps={{ "aria-label": texts.parts.close }}
    >
      {html !== "" && (
        <SegmentedControl
          size="xs"
          mb="sm"
          value={view}
          onChange={setView}
          data={[
            { value: "page", label: words.asPage },
            { value: "text", label: words.asText },
          ]}
        />
      )}
      {view === "page" ? (
        <MessageFrame html={html} />
      ) : (
        <pre className={classes.text}>{shown(line.facts.text)}</pre>
      )}
    </Modal>
  );
}
