import { Button, Group, Modal, Stack, Textarea } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useState } from "react";
import { texts } from "@/texts";
import { ProblemNotice } from "./ProblemNotice";

interface ConfirmPreviewProps<Result> {
  title: string;
  /** What will happen, in words, with numbers and names. */
  words: ReactNode;
  /** Fields that change what will happen. */
  children?: ReactNode;
  /** The button that does it: a verb, with the number where there is one. */
  confirm: string;
  /** Whether the button cannot be used yet, as while the preview is read. */
  blocked?: boolean;
  /** How wide it is. */
  size?: string;
  /** Whether it cannot be taken back. */
  danger?: boolean;
  /** Whether a reason is asked for, which the audit log keeps. */
  reason?: boolean;
  act: (reason: string) => Promise<Result>;
  onDone: (result: Result) => void;
  onClose: () => void;
}

/** Says what will happen, then asks once. An error of the server stays here, with what was typed. */
export function ConfirmPreview<Result>({
  title,
  words,
  children,
  confirm,
  blocked = false,
  size = "lg",
  danger = false,
  reason: asked = false,
  act,
  onDone,
  onClose,
}: ConfirmPreviewProps<Result>) {
  const [reason, setReason] = useState("");
  const attempt = useMutation({ mutationFn: () => act(reason.trim()), onSuccess: onDone });
  const ready = !blocked && (!asked || reason.trim() !== "");
  function submit(event: FormEvent) {
    event.preventDefault();
    if (ready && !attempt.isPending) {
      attempt.mutate();
    }
  }
  return (
    <Modal
      opened
      onClose={onClose}
      title={title}
      size={size}
      closeButtonProps={{ "aria-label": texts.parts.close }}
    >
      <form onSubmit={submit}>
        <Stack gap="md">
          <div aria-live="polite">{words}</div>
          {children}
          {asked && (
            <Textarea
              label={texts.parts.reason}
              description={texts.parts.reasonHint}
              value={reason}
              onChange={(event) => setReason(event.currentTarget.value)}
              maxLength={500}
              autosize
              minRows={1}
              required
              data-autofocus
            />
          )}
          {attempt.isError && <ProblemNotice error={attempt.error} />}
          <Group justify="flex-end" gap="sm">
            <Button variant="default" onClick={onClose}>
              {texts.parts.back}
            </Button>
            <Button
              type="submit"
              color={danger ? "red.9" : undefined}
              disabled={!ready}
              loading={attempt.isPending}
            >
              {confirm}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
