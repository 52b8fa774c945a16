import { SegmentedControl, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { answerOf, api } from "@/api/client";
import { MessageFrame } from "@/builder/trial/MessageFrame";
import { FactLine } from "@/components/FactLine";
import { LoadingLine } from "@/components/LoadingLine";
import { ProblemNotice } from "@/components/ProblemNotice";
import { texts } from "@/texts";
import classes from "./MessageContent.module.css";

const words = texts.contacts.content;

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** What a message said when it was sent: its page in a frame that runs nothing, or its text. */
export function MessageContent({ id }: { id: string }) {
  const message = useQuery({
    queryKey: ["message", id],
    queryFn: () =>
      answerOf(api.GET("/v1/messages/{message}", { params: { path: { message: id } } })),
    staleTime: 60_000,
  });
  if (message.data === undefined) {
    return message.isError ? (
      <ProblemNotice error={message.error} retry={() => message.refetch()} />
    ) : (
      <LoadingLine />
    );
  }
  const { kept, address } = message.data;
  return kept === null ? (
    <Text className="quiet">{words.gone}</Text>
  ) : (
    <Kept kept={kept} address={address} />
  );
}

interface KeptProps {
  kept: Readonly<Record<string, unknown>>;
  address: string | null;
}

function Kept({ kept, address }: KeptProps) {
  const html = textOf(kept.html);
  const text = textOf(kept.text);
  const body = text === "" && html === "" ? JSON.stringify(kept, null, 2) : text;
  const [view, setView] = useState(html === "" ? "text" : "page");
  const subject = textOf(kept.subject);
  const from = textOf(kept.from);
  return (
    <>
      <FactLine
        facts={[
          subject !== "" && { name: words.subject, value: subject },
          from !== "" && { name: words.from, value: from },
          address !== null && { name: words.to, value: address },
        ]}
      />
      {html !== "" && text !== "" && (
        <SegmentedControl
          size="xs"
          my="xs"
          value={view}
          onChange={setView}
          data={[
            { value: "page", label: words.asPage },
            { value: "text", label: words.asText },
          ]}
        />
      )}
      {view === "page" ? (
        <MessageFrame html={html} />
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls is reached by keyboard.
        <section aria-label={words.text} tabIndex={0} className={classes.text}>
          {body}
        </section>
      )}
    </>
  );
}
