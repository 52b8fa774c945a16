import { answerOf, api } from "@/api/client";
import type { Model } from "@/api/models";
import { ConfirmPreview } from "@/components/ConfirmPreview";
import { texts } from "@/texts";

const words = texts.pausing;

export type Channel = NonNullable<Model<"FreezeOrder">["channel"]>;

/** The channel of a freeze as an order names it; null means all. */
export function channelOf(name: string): Channel | null {
  return name === "email" || name === "sms" || name === "webhook" ? name : null;
}

interface UnfreezeDialogProps {
  /** As the freeze names it; all of them are `all`. */
  channel: string;
  onDone: () => void;
  onClose: () => void;
}

/** Ends a freeze. Only an administrator may. */
export function UnfreezeDialog({ channel, onDone, onClose }: UnfreezeDialogProps) {
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
            body: { reason, stops: "marketing", ...(only === null ? {} : { channel: only }) },
          }),
        )
      }
      onDone={onDone}
      onClose={onClose}
    />
  );
}
