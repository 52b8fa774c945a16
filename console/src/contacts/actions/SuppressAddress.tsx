import { NativeSelect, TextInput } from "@mantine/core";
import { useState } from "react";
import { answerOf, api } from "@/api/client";
import { useMay } from "@/api/session";
import { ConfirmPreview } from "@/components/ConfirmPreview";
import {
  type Address,
  addressesOf,
  reasonWords,
  useSuppression,
} from "@/suppressions/suppressions";
import { texts } from "@/texts";
import { type ContactDialogProps, useContactChanged } from "./dialog";

const words = texts.acting.suppress;

/** Lets nothing be sent to an address ever again, or ends that. */
export function SuppressAddress({ body, onClose }: ContactDialogProps) {
  const changed = useContactChanged();
  const mayEnd = useMay("admin");
  const addresses = addressesOf(body);
  const [channel, setChannel] = useState<string>(addresses[0]?.channel ?? "");
  const [reason, setReason] = useState("operator");
  const chosen = addresses.find((each) => each.channel === channel) ?? null;
  const known = useSuppression(chosen);
  const suppressed = known.data ?? null;
  const ends = suppressed !== null;
  return (
    <ConfirmPreview
      title={words.title}
      words={
        chosen === null ? (
          words.none
        ) : suppressed === null ? (
          words.words(chosen.address)
        ) : (
          <>
            {words.already(chosen.address, reasonWords(suppressed.reason))}{" "}
            {mayEnd && words.endWords(chosen.address)}
          </>
        )
      }
      confirm={ends ? words.end : words.confirm}
      blocked={chosen === null || known.data === undefined || (ends && !mayEnd)}
      danger={!ends}
      act={() => change(chosen, ends, reason.trim())}
      onDone={() => {
        void changed();
        onClose();
      }}
      onClose={onClose}
    >
      <NativeSelect
        label={words.address}
        value={channel}
        data={addresses.map((each) => ({ value: each.channel, label: each.address }))}
        onChange={(event) => setChannel(event.currentTarget.value)}
        data-autofocus
      />
      {!ends && (
        <TextInput
          label={words.reason}
          description={words.reasonHint}
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
          required
        />
      )}
    </ConfirmPreview>
  );
}

async function change(chosen: Address | null, ends: boolean, reason: string): Promise<void> {
  if (chosen === null) {
    return;
  }
  await (ends
    ? answerOf(api.DELETE("/v1/suppressions", { params: { query: chosen } }))
    : answerOf(api.POST("/v1/suppressions", { body: { ...chosen, reason } })));
}
