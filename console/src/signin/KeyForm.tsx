import { Button, Code, PasswordInput, Stack, Text } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { wordsOf } from "@/api/problems";
import { SESSION, type Session, signIn } from "@/api/session";
import { texts } from "@/texts";

/** Takes a key and begins a session with it. */
export function KeyForm({ onSession }: { onSession: (session: Session) => void }) {
  const [key, setKey] = useState("");
  const queries = useQueryClient();
  const attempt = useMutation({
    mutationFn: () => signIn(key.trim()),
    onSuccess: (session) => {
      onSession(session);
      // What was refused without a session is asked again.
      void queries.invalidateQueries({ predicate: (query) => query.queryKey[0] !== SESSION[0] });
    },
  });
  function submit(event: FormEvent) {
    event.preventDefault();
    if (key.trim() !== "") {
      attempt.mutate();
    }
  }
  return (
    <form onSubmit={submit}>
      <Stack gap="md">
        <PasswordInput
          label={texts.signing.key}
          description={texts.signing.keyHint}
          value={key}
          onChange={(event) => setKey(event.currentTarget.value)}
          error={attempt.isError ? wordsOf(attempt.error) : undefined}
          autoComplete="current-password"
          data-autofocus
          autoFocus
        />
        <Button type="submit" size="sm" loading={attempt.isPending}>
          {texts.signing.submit}
        </Button>
        <Text size="sm" className="quiet">
          {texts.signing.howTo} <Code>parcours key create --scope operate</Code>
        </Text>
      </Stack>
    </form>
  );
}
