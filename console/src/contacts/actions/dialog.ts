import { useQueryClient } from "@tanstack/react-query";
import type { Model } from "@/api/models";

export type Contact = Model<"ContactBody">;

/** What a dialog about a contact is given. */
export interface ContactDialogProps {
  body: Contact;
  /** The reference by which the page asks for the contact. */
  contact: string;
  onClose: () => void;
}

/** Reads again all that the page shows of a contact. */
export function useContactChanged(): () => Promise<void> {
  const queries = useQueryClient();
  return () =>
    queries.invalidateQueries({ predicate: ({ queryKey: [first] }) => CHANGED.has(String(first)) });
}

/** What a change of one contact may change of what is shown. */
const CHANGED: ReadonlySet<string> = new Set([
  "contact",
  "contacts",
  "contact-messages",
  "contact-runs",
  "consents",
  "explain",
  "groups",
  "run",
  "suppressions",
  "timeline",
  "topics",
]);
