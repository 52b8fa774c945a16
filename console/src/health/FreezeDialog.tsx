import { Group, NativeSelect } from "@mantine/core";
import { useState } from "react";
import { answerOf, api } from "@/api/client";
import { ConfirmPreview } from "@/components/ConfirmPreview";
import { texts } from "@/texts";
import { CHANNELS, type Channel, channelOf, type Stops, stopsOf } from "./freezes";

const words = texts.pausing;

/** Lets no marketing go out, or nothing, by a channel or by all. */
export function FreezeDialog({ onDone, onClose }: { onDone: () => void; onClose: () => void }) {
  const [channel, setChannel] = useState<Channel | null>(null);
  const [wanted, setWanted] = useState<Stops>("marketing");
  const possible = stopsOf(channel);
  const stops = possible.includes(wanted) ? wanted : "everything";
  return (
    <ConfirmPreview
      title={words.freezeTitle}
      words={words.freezeWords[stops](channel ?? words.everyChannel)}
      confirm={words.freeze}
      danger
      reason
      act={(reason) =>
        answerOf(
          api.POST("/v1/freeze", {
            body: { reason, stops, ...(channel === null ? {} : { channel }) },
          }),
        )
      }
      onDone={onDone}
      onClose={onClose}
    >
      <Group gap="sm">
        <NativeSelect
          label={words.channel}
          value={channel ?? ""}
          data={[
            { value: "", label: words.everyChannel },
            ...CHANNELS.map((each) => ({ value: each, label: each })),
          ]}
          onChange={(event) => setChannel(channelOf(event.currentTarget.value))}
        />
        <NativeSelect
          label={words.stops}
          value={stops}
          data={possible.map((each) => ({ value: each, label: words.stopsOptions[each] }))}
          onChange={(event) =>
            setWanted(event.currentTarget.value === "everything" ? "everything" : "marketing")
          }
        />
      </Group>
    </ConfirmPreview>
  );
}
