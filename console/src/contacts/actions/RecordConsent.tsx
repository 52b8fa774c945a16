import { NativeSelect, Text, Textarea, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { answerOf, api } from "@/api/client";
import type { Model } from "@/api/models";
import { ConfirmPreview } from "@/components/ConfirmPreview";
import { texts } from "@/texts";
import { type ContactDialogProps, useContactChanged } from "./dialog";

const words = texts.acting.consent;

type Consent = Model<"Consent">;
type State = Consent["state"];
type Source = Consent["source"];

const CHANNELS = ["email", "sms"] as const;
type Channel = (typeof CHANNELS)[number];
const CHANNEL = "channel:";
const TOPIC = "topic:";

function isKey<Key extends string>(
  record: Readonly<Record<Key, unknown>>,
  key: string,
): key is Key {
  return key in record;
}

/** Records what a contact agreed to, or withdrew, with the proof of it. */
export function RecordConsent({ contact, onClose }: ContactDialogProps) {
  const changed = useContactChanged();
  const [chosen, setChosen] = useState("");
  const [state, setState] = useState<State>("subscribed");
  const [source, setSource] = useState<Source>("operator");
  const [text, setText] = useState("");
  const [address, setAddress] = useState("");
  const topics = useQuery({
    queryKey: ["topics", contact, "all"],
    queryFn: () =>
      answerOf(
        api.GET("/v1/contacts/{contact}/topics", {
          params: { path: { contact }, query: { limit: 500 } },
        }),
      ),
    select: ({ items }) => items,
  });
  const found = topics.data ?? [];
  const about = chosen === "" ? `${TOPIC}${found[0]?.topic ?? ""}` : chosen;
  const channel = CHANNELS.find((each) => about === `${CHANNEL}${each}`) ?? null;
  const topic = found.find((each) => about === `${TOPIC}${each.topic}`);
  const wanted: State = channel !== null && state === "pending" ? "subscribed" : state;
  const before = topic?.state ?? topic?.default ?? words.unset;
  const what = channel !== null ? words.channel(channel) : (topic?.name ?? topic?.topic ?? "");
  const proof = {
    source,
    ...(text.trim() === "" ? {} : { text: text.trim() }),
    ...(address.trim() === "" ? {} : { request_address: address.trim() }),
  };
  return (
    <ConfirmPreview
      title={words.title}
      words={
        what !== "" && (
          <>
            <Text>{words.becomes(what, channel === null ? before : words.unset, wanted)}</Text>
            <Text className="quiet">{words.kept}</Text>
          </>
        )
      }
      confirm={words.confirm}
      blocked={what === ""}
      act={() => record(contact, topic?.topic ?? null, channel, wanted, proof)}
      onDone={() => {
        void changed();
        onClose();
      }}
      onClose={onClose}
    >
      <NativeSelect
        label={words.about}
        value={about}
        data={[
          {
            group: words.topics,
            items: found.map((each) => ({
              value: `${TOPIC}${each.topic}`,
              label: each.name ?? each.topic,
            })),
          },
          {
            group: words.channels,
            items: CHANNELS.map((each) => ({
              value: `${CHANNEL}${each}`,
              label: words.channel(each),
            })),
          },
        ]}
        onChange={(event) => setChosen(event.currentTarget.value)}
        data-autofocus
      />
      <NativeSelect
        label={words.state}
        value={wanted}
        data={Object.entries(words.states)
          .filter(([value]) => channel === null || value !== "pending")
          .map(([value, label]) => ({ value, label }))}
        onChange={(event) => {
          const next = event.currentTarget.value;
          setState(isKey(words.states, next) ? next : state);
        }}
      />
      <NativeSelect
        label={words.source}
        value={source}
        data={Object.entries(words.sources).map(([value, label]) => ({ value, label }))}
        onChange={(event) => {
          const next = event.currentTarget.value;
          setSource(isKey(words.sources, next) ? next : source);
        }}
      />
      <Textarea
        label={words.text}
        description={words.textHint}
        autosize
        minRows={2}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
      />
      <TextInput
        label={words.address}
        value={address}
        onChange={(event) => setAddress(event.currentTarget.value)}
      />
    </ConfirmPreview>
  );
}

interface Proof {
  source: Source;
  text?: string;
  request_address?: string;
}

async function record(
  contact: string,
  topic: string | null,
  channel: Channel | null,
  state: State,
  proof: Proof,
): Promise<void> {
  if (channel !== null) {
    await answerOf(
      api.PUT("/v1/contacts/{contact}/channels/{channel}", {
        params: { path: { contact, channel } },
        body: { state: state === "pending" ? "subscribed" : state, ...proof },
      }),
    );
  } else if (topic !== null) {
    await answerOf(
      api.PUT("/v1/contacts/{contact}/topics/{topic}", {
        params: { path: { contact, topic } },
        body: { state, ...proof },
      }),
    );
  }
}
