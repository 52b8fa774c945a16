import { Instant } from "@/components/Instant";
import { PlaceLink } from "@/components/PlaceLink";
import {
  type Address,
  addressesOf,
  reasonWords,
  sourceOf,
  useSuppression,
} from "@/suppressions/suppressions";
import { texts } from "@/texts";

const words = texts.suppressions;

/** Which addresses of a contact are suppressed, why, by whom and since when. */
export function Suppressed({ body }: { body: { email: string | null; phone: string | null } }) {
  return addressesOf(body).map((each) => <OneSuppressed key={each.channel} address={each} />);
}

function OneSuppressed({ address }: { address: Address }) {
  const found = useSuppression(address).data;
  if (found === undefined || found === null) {
    return null;
  }
  const channel = texts.attention.channelNames[address.channel] ?? address.channel;
  return (
    <span className="state" data-state="failed">
      <PlaceLink to={`~/suppressions?address=${encodeURIComponent(address.address)}`}>
        {words.ofContact(channel)}
      </PlaceLink>
      {`: ${reasonWords(found.reason)}, ${words.bySource(sourceOf(found))}, `}
      <Instant at={found.suppressed_at} />
    </span>
  );
}
