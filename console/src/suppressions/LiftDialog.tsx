import { Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { answerOf, api } from "@/api/client";
import { ConfirmPreview } from "@/components/ConfirmPreview";
import { ContactLink } from "@/components/ContactLink";
import { texts } from "@/texts";
import { CHANNELS, reasonWords, type Suppression } from "./suppressions";

const words = texts.suppressions;
const STOPPED = "stop";
const FEW = 5;

interface LiftDialogProps {
  suppression: Suppression;
  /** The address in clear, if it was typed; the list knows its hash alone. */
  address: string;
  onDone: () => void;
  onClose: () => void;
}

/** Lets messages go to an address again: says whose it is and why it was suppressed. */
export function LiftDialog({ suppression, address, onDone, onClose }: LiftDialogProps) {
  const { address_hash, reason } = suppression;
  const channel = CHANNELS.find((each) => each === suppression.channel) ?? "email";
  const stopped = reason === STOPPED;
  return (
    <ConfirmPreview
      title={words.liftTitle}
      words={
        stopped ? (
          words.liftStopped
        ) : (
          <>
            <Text>
              {words.liftWords(address === "" ? words.oneHash : address, reasonWords(reason))}
            </Text>
            {address === "" ? (
              <Text className="quiet">{words.liftUnknown}</Text>
            ) : (
              <Owners channel={channel} address={address} />
            )}
          </>
        )
      }
      confirm={words.liftConfirm}
      blocked={stopped}
      act={() =>
        answerOf(api.DELETE("/v1/suppressions", { params: { query: { channel, address_hash } } }))
      }
      onDone={onDone}
      onClose={onClose}
    />
  );
}

/** The contacts that have the address now. */
function Owners({ channel, address }: { channel: "email" | "sms"; address: string }) {
  const found = useQuery({
    queryKey: ["contacts", "of-address", channel, address],
    queryFn: () =>
      answerOf(
        api.GET("/v1/contacts", {
          params: {
            query: {
              limit: FEW,
              ...(channel === "email" ? { email: address } : { phone: address }),
            },
          },
        }),
      ),
  });
  if (found.data === undefined) {
    return null;
  }
  const ids = found.data.items.map((contact) => contact.external_id ?? contact.id);
  if (ids.length === 0) {
    return <Text className="quiet">{words.liftNone}</Text>;
  }
  return (
    <Text>
      {words.contacts}:{" "}
      {ids.map((id, index) => (
        <span key={id}>
          {index > 0 && ", "}
          <ContactLink contact={id} />
        </span>
      ))}
      {found.data.next !== null && " …"}
    </Text>
  );
}
