import { Button, Group, Modal, Stack, Text, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { answerOf, api } from "@/api/client";
import type { Model } from "@/api/models";
import { ProblemNotice } from "@/components/ProblemNotice";
import { texts } from "@/texts";
import type { Sample } from "./sample";

const words = texts.templates.test;

interface SendTestProps {
  template: string;
  /** The text as it is written now. */
  text: string;
  sample: Sample;
  subject: string | null;
  onClose: () => void;
}

/** Sends what is written to an address, once, and says what came of it. */
export function SendTest({ template, text, sample, subject, onClose }: SendTestProps) {
  const [to, setTo] = useState("");
  const attempt = useMutation({
    mutationFn: () =>
      answerOf(
        api.POST("/v1/templates/{key}/send", {
          params: { path: { key: template } },
          body: { ...sample, text, to: to.trim() },
        }),
      ),
  });
  function submit(event: FormEvent) {
    event.preventDefault();
    if (to.trim() !== "" && !attempt.isPending) {
      attempt.mutate();
    }
  }
  return (
    <Modal
      opened
      onClose={onClose}
      title={words.title}
      size="lg"
      closeButtonProps={{ "aria-label": texts.parts.close }}
    >
      <form onSubmit={submit}>
        <Stack gap="md">
          <Text size="sm">{words.hint}</Text>
          {subject !== null && <Text fw={600}>{subject}</Text>}
          <TextInput
            label={words.to}
            description={words.toHint}
            value={to}
            onChange={(event) => {
              attempt.reset();
              setTo(event.currentTarget.value);
            }}
            required
            data-autofocus
          />
          {attempt.isError && <ProblemNotice error={attempt.error} />}
          <div aria-live="polite">
            {attempt.data !== undefined && <Sent sent={attempt.data} to={to.trim()} />}
          </div>
          <Group justify="flex-end" gap="sm">
            <Button variant="default" onClick={onClose}>
              {texts.parts.close}
            </Button>
            <Button type="submit" disabled={to.trim() === ""} loading={attempt.isPending}>
              {words.send}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

function Sent({ sent, to }: { sent: Model<"SentTest">; to: string }) {
  const why = sent.detail ?? sent.code;
  return (
    <>
      <Text>{words.states[sent.state](to)}</Text>
      {why !== null && (
        <Text size="sm" className="quiet">
          {why}
        </Text>
      )}
    </>
  );
}
