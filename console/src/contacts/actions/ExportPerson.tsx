import { Button, Group, Modal, Stack, Text } from "@mantine/core";
import { LoadingLine } from "@/components/LoadingLine";
import { ProblemNotice } from "@/components/ProblemNotice";
import { nameOf } from "@/contacts/naming";
import { texts } from "@/texts";
import type { ContactDialogProps } from "./dialog";
import { useHeld } from "./held";

const words = texts.acting.exporting;

/** Downloads everything that is held about a contact, as a page to read or as JSON. */
export function ExportPerson({ body, contact, onClose }: ContactDialogProps) {
  const held = useHeld(contact);
  const address = `/v1/contacts/${encodeURIComponent(contact)}/export`;
  const rows = Object.values(held.data?.rows ?? {}).reduce((sum, count) => sum + count, 0);
  return (
    <Modal
      opened
      onClose={onClose}
      title={words.title}
      size="lg"
      closeButtonProps={{ "aria-label": texts.parts.close }}
    >
      <Stack gap="md">
        {held.isError ? (
          <ProblemNotice error={held.error} retry={() => held.refetch()} />
        ) : held.data === undefined ? (
          <LoadingLine />
        ) : (
          <Text>{words.words(nameOf(body), rows)}</Text>
        )}
        <Group justify="flex-end" gap="sm">
          <Button variant="default" onClick={onClose}>
            {texts.parts.back}
          </Button>
          <Button
            component="a"
            href={`${address}?format=html`}
            download={`${contact}.html`}
            variant="default"
          >
            {words.page}
          </Button>
          <Button component="a" href={`${address}?format=json`} download={`${contact}.json`}>
            {words.json}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
