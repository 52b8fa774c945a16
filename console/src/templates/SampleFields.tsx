import { SegmentedControl, Stack, Textarea } from "@mantine/core";
import { useMay } from "@/api/session";
import type { ReadLines } from "@/builder/trial/script";
import { ContactSearch } from "@/components/ContactSearch";
import { texts } from "@/texts";
import type { SampleState, Who } from "./sample";

const words = texts.templates;

function wrong<Read>(lines: ReadLines<Read>): string | undefined {
  return lines.ok ? undefined : texts.trial.wrongLine(lines.wrong.line, texts.trial.rightAttribute);
}

/** Whose values a preview prints: a contact's, or invented ones; and what its run brought along. */
export function SampleFields({ sample }: { sample: SampleState }) {
  const mayRead = useMay("read");
  const { who } = sample;
  return (
    <Stack gap="sm">
      {mayRead && (
        <SegmentedControl
          size="xs"
          w="fit-content"
          aria-label={words.who}
          value={who}
          data={[
            { value: "invented", label: texts.trial.invented },
            { value: "contact", label: texts.trial.known },
          ]}
          onChange={(next) => sample.setWho(next as Who)}
        />
      )}
      {mayRead && who === "contact" ? (
        <ContactSearch label={words.contact} value={sample.contact} onChange={sample.setContact} />
      ) : (
        <Textarea
          label={texts.trial.attributes}
          description={texts.trial.attributesHint}
          autosize
          minRows={2}
          value={sample.person}
          error={wrong(sample.read.person)}
          onChange={(event) => sample.setPerson(event.currentTarget.value)}
        />
      )}
      <details>
        <summary>{words.more}</summary>
        <Stack gap="sm" mt="sm">
          <Textarea
            label={words.entry}
            description={words.entryHint}
            autosize
            minRows={1}
            value={sample.entry}
            error={wrong(sample.read.entry)}
            onChange={(event) => sample.setEntry(event.currentTarget.value)}
          />
          <Textarea
            label={words.steps}
            description={words.stepsHint}
            autosize
            minRows={1}
            value={sample.steps}
            error={wrong(sample.read.steps)}
            onChange={(event) => sample.setSteps(event.currentTarget.value)}
          />
        </Stack>
      </details>
    </Stack>
  );
}
