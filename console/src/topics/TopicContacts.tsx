import { Text } from "@mantine/core";
import { FigureLine } from "@/components/FigureLine";
import { figure } from "@/components/figures";
import { Instant } from "@/components/Instant";
import { LoadingLine } from "@/components/LoadingLine";
import { ProblemNotice } from "@/components/ProblemNotice";
import { texts } from "@/texts";
import { useConsents } from "./consents";

const words = texts.topics;

/** How many contacts are subscribed to one topic, and what that means. */
export function TopicContacts({ topic }: { topic: string }) {
  const consents = useConsents();
  if (consents.data === undefined) {
    return consents.isError ? (
      <ProblemNotice error={consents.error} retry={() => consents.refetch()} />
    ) : (
      <LoadingLine />
    );
  }
  const found = consents.data.items.find((item) => item.topic === topic);
  if (found === undefined) {
    return <Text>{words.tooLong}</Text>;
  }
  return (
    <>
      <FigureLine
        figures={[
          { name: words.subscribed, value: figure(found.subscribed) },
          { name: words.pending, value: figure(found.pending) },
          { name: words.unsubscribed, value: figure(found.unsubscribed) },
          { name: words.unrecorded, value: figure(found.unrecorded) },
        ]}
      />
      <Text>
        {found.default === "opt_out" ? words.unrecordedOut : words.unrecordedIn}{" "}
        {found.default === "double" && words.pendingWords}
      </Text>
      <Text size="sm" className="quiet">
        {words.sendsLook}
      </Text>
      <Text size="sm" className="quiet">
        {words.counted} <Instant at={consents.data.at} relative />
      </Text>
    </>
  );
}
