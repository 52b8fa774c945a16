import { PlaceLink } from "./PlaceLink";

/** A contact by its id, from any place of the console. */
export function ContactLink({ contact }: { contact: string }) {
  return <PlaceLink to={`~/contacts/${encodeURIComponent(contact)}`}>{contact}</PlaceLink>;
}
