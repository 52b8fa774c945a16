import { NativeSelect, TextInput } from "@mantine/core";
import { useState } from "react";
import { answerOf, api } from "@/api/client";
import { ConfirmPreview } from "@/components/ConfirmPreview";
import { texts } from "@/texts";
import { CHANNELS, type Channel } from "./suppressions";

const words = texts.suppressions;
const acting = texts.acting.suppress;

interface AddDialogProps {
  onDone: (address: string) => void;
  onClose: () => void;
}

/** Lets nothing be sent to an address ever again, whether a contact has it or not. */
export function AddDialog({ onDone, onClose }: AddDialogProps) {
  const [channel, setChannel] = useState<Channel>("email");
  const [address, setAddress] = useState("");
  const [reason, setReason] = useState("operator");
  const given = address.trim();
  return (
    <ConfirmPreview
      title={words.addTitle}
      words={given === "" ? words.addFirst : words.addWords(given)}
      confirm={words.addConfirm}
      blocked={given === "" || reason.trim() === ""}
      danger
      act={() =>
        answerOf(
          api.POST("/v1/suppressions", {
            body: { channel, address: given, reason: reason.trim() },
          }),
        )
      }
      onDone={() => onDone(given)}
      onClose={onClose}
    >
      <NativeSelect
        label={words.channel}
        value={channel}
        data={CHANNELS.map((each) => ({ value: each, label: words.channels[each] }))}
        onChange={(event) =>
          setChannel(CHANNELS.find((each) => each === event.currentTarget.value) ?? "email")
        }
      />
      <TextInput
        label={words.address}
        value={address}
        onChange={(event) => setAddress(event.currentTarget.value)}
        required
        data-autofocus
      />
      <TextInput
        label={acting.reason}
        description={acting.reasonHint}
        value={reason}
        onChange={(event) => setReason(event.currentTarget.value)}
        required
      />
    </ConfirmPreview>
  );
}
