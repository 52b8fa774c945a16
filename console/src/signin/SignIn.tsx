import { Container, Title } from "@mantine/core";
import type { Session } from "@/api/session";
import { texts } from "@/texts";
import { KeyForm } from "./KeyForm";

/** The page for one who has no session. */
export function SignIn({ onSession }: { onSession: (session: Session) => void }) {
  return (
    <Container size={400} pt={96} component="main">
      <title>{texts.signing.title}</title>
      <Title order={1} mb="md">
        {texts.shell.product}
      </Title>
      <KeyForm onSession={onSession} />
    </Container>
  );
}
