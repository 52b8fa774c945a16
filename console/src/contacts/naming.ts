import type { Model } from "@/api/models";

type Contact = Model<"ContactBody">;

/** The id by which the API finds a contact: its external id, else ours. */
export function idOf(contact: Contact): string {
  return contact.external_id ?? contact.id;
}

/** What a reader knows a contact by. */
export function nameOf(contact: Contact): string {
  return contact.email ?? contact.phone ?? idOf(contact);
}

/** The place of a contact in the console. */
export function placeOf(id: string): string {
  return `/${encodeURIComponent(id)}`;
}
