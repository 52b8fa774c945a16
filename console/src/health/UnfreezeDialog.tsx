import { answerOf, api } from "@/api/client";
import { ConfirmPreview } from "@/components/ConfirmPreview";
import { texts } from "@/texts";
import { channelOf, type Stops } from "./freezes";

const words = texts.pausing;

interface UnfreezeDialogProps {
  /** As the freeze names it; all of them are `all`. */
  channel: string;
  stops: Stops;
  onDone: () => void;
  onClose: () => void;
}

/** Ends a freeze. Only an administrator may. */
export function UnfreezeDialog({ channel, stops, onDone, onClose }: UnfreezeDialogProps) {
  const only = channelOf(channel);
  return (
    <ConfirmPreview
      title={words.unfreezeTitle(only ?? words.everyChannel)}
      words={words.unfreezeWords}
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
