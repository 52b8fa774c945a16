import { Alert } from "@mantine/core";
import { localTime } from "@/components/times";
import { texts } from "@/texts";
import { useLostSince } from "./connection";

/** Says that the server cannot be reached, and of when what is shown is; nothing while it can. */
export function LostConnection() {
  const lost = useLostSince();
  return (
    lost !== null && (
      <Alert color="yellow" variant="light" mb="md" role="alert">
        {texts.parts.lost(localTime(lost).slice(11))}
      </Alert>
    )
  );
}
