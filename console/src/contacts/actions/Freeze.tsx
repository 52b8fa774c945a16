import { answerOf, api } from "@/api/client";
import { ConfirmPreview } from "@/components/ConfirmPreview";
import { nameOf } from "@/contacts/naming";
import { texts } from "@/texts";
import { type ContactDialogProps, useContactChanged } from "./dialog";

/** Lets nothing be sent to a contact and begins nothing for it, or lets it go on. */
export function Freeze({ body, contact, onClose }: ContactDialogProps) {
  const changed = useContactChanged();
  const frozen = body.restricted;
  const words = frozen ? texts.acting.unfreeze : texts.acting.freeze;
  return (
    <ConfirmPreview
      title={words.title}
      words={words.words(nameOf(body))}
      confirm={words.confirm}
      danger={!frozen}
      reason
      act={(reason) =>
        answerOf(
          api.PUT("/v1/contacts/{contact}", {
            params: { path: { contact } },
            body: { restricted: !frozen, reason },
          }),
        )
      }
      onDone={() => {
        void changed();
        onClose();
      }}
      onClose={onClose}
    />
  );
}
