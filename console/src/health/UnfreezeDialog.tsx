import { Text } from "@mantine/core";
import { answerOf, api } from "@/api/client";
import { ConfirmPreview } from "@/components/ConfirmPreview";
import { Instant } from "@/components/Instant";
import { texts } from "@/texts";
import { channelOf, type Freeze } from "./freezes";
import { authorOf } from "./useFreezes";

const words = texts.pausing;

interface UnfreezeDialogProps {
  freeze: Freeze;
  /** How many sends wait for it; null if that is not known. */
  held: number | null;
  onDone: () => void;
  onClose: () => void;
}

/** Ends a freeze: who froze, since when and why stands above. Only an administrator may. */
export function UnfreezeDialog({ freeze, held, onDone, onClose }: UnfreezeDialogProps) {
  const { stops } = freeze;
  const only = channelOf(freeze.channel);
  return (
    <ConfirmPreview
      title={words.unfreezeTitle(only ?? words.everyChannel)}
      words={
        <>
          <Text>
            {words.frozenBy(authorOf(freeze), freeze.reason)} <Instant at={freeze.frozen_at} />
          </Text>
          <Text mt="xs">
            {held !== null && `${words.heldNow(held)} `}
            {words.unfreezeWords}
          </Text>
        </>
      }
      confirm={words.unfreeze}
      reason
      act={(reason) =>
        answerOf(
          api.POST("/v1/unfreeze", {
            body: { reason, stops, ...(only === null ? {} : { channel: only }) },
          }),
        )
      }
      onDone={onDone}
      onClose={onClose}
    />
  );
}
