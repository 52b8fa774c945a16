import { Modal, Text } from "@mantine/core";
import type { Session } from "@/api/session";
import { texts } from "@/texts";
import { KeyForm } from "./KeyForm";

/** The sign-in over a page whose session has ended: the page, with all that was typed, stays. */
export function SignInAgain({ onSession }: { onSession: (session: Session) => void }) {
  return (
    <Modal
      opened
      onClose={() => undefined}
      withCloseButton={false}
      closeOnEscape={false}
      closeOnClickOutside={false}
      title={texts.signing.title}
    >
      <Text mb="md">{texts.signing.ended}</Text>
      <KeyForm onSession={onSession} />
    </Modal>
  );
}
