import { Container } from "@mantine/core";
import { useEffect, useState } from "react";
import { onSessionEnd } from "@/api/client";
import { SessionContext, useKeepSession, useSessionQuery } from "@/api/session";
import { LoadingLine } from "@/components/LoadingLine";
import { ProblemNotice } from "@/components/ProblemNotice";
import { SignIn } from "@/signin/SignIn";
import { SignInAgain } from "@/signin/SignInAgain";
import { Shell } from "./Shell";

/** The sign-in without a session; with one, the console. A session that ends leaves the page. */
export function SessionGate() {
  const session = useSessionQuery();
  const keep = useKeepSession();
  const [ended, setEnded] = useState(false);
  useEffect(() => onSessionEnd(() => setEnded(true)), []);

  if (session.isError && session.data === undefined) {
    return (
      <Container size="xs" pt="xl">
        <ProblemNotice error={session.error} retry={() => session.refetch()} />
      </Container>
    );
  }
  if (session.data === undefined) {
    return <LoadingLine />;
  }
  if (session.data === null) {
    return <SignIn onSession={keep} />;
  }
  return (
    <SessionContext.Provider value={session.data}>
      <Shell />
      {ended && (
        <SignInAgain
          onSession={(found) => {
            keep(found);
            setEnded(false);
          }}
        />
      )}
    </SessionContext.Provider>
  );
}
