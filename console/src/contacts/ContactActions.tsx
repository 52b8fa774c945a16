import { Button, Menu } from "@mantine/core";
import { type ComponentType, Fragment } from "react";
import { type Scope, useSession } from "@/api/session";
import { useFilter } from "@/components/filters";
import { texts } from "@/texts";
import { ChangeGroups } from "./actions/ChangeGroups";
import { ChangeValues } from "./actions/ChangeValues";
import type { Contact, ContactDialogProps } from "./actions/dialog";
import { EraseContact } from "./actions/EraseContact";
import { ExportPerson } from "./actions/ExportPerson";
import { Freeze } from "./actions/Freeze";
import { MergeContacts } from "./actions/MergeContacts";
import { RecordConsent } from "./actions/RecordConsent";
import { RemoveFromJourneys } from "./actions/RemoveFromJourneys";
import { StartJourney } from "./actions/StartJourney";
import { SuppressAddress } from "./actions/SuppressAddress";

interface Action {
  /** Its name in the address while it is open. */
  id: string;
  name: (body: Contact) => string;
  scope: Scope;
  Dialog: ComponentType<ContactDialogProps>;
  /** Whether a line stands above it in the menu. */
  apart?: boolean;
}

const words = texts.acting;

const ACTIONS: readonly Action[] = [
  { id: "start", name: () => words.start.name, scope: "operate", Dialog: StartJourney },
  { id: "remove", name: () => words.remove.name, scope: "operate", Dialog: RemoveFromJourneys },
  {
    id: "freeze",
    name: (body) => (body.restricted ? words.unfreeze.name : words.freeze.name),
    scope: "operate",
    Dialog: Freeze,
  },
  {
    id: "change",
    name: () => words.change.name,
    scope: "operate",
    Dialog: ChangeValues,
    apart: true,
  },
  { id: "groups", name: () => words.groups.name, scope: "operate", Dialog: ChangeGroups },
  { id: "consent", name: () => words.consent.name, scope: "operate", Dialog: RecordConsent },
  { id: "suppress", name: () => words.suppress.name, scope: "operate", Dialog: SuppressAddress },
  {
    id: "merge",
    name: () => words.merge.name,
    scope: "operate",
    Dialog: MergeContacts,
    apart: true,
  },
  { id: "export", name: () => words.exporting.name, scope: "admin", Dialog: ExportPerson },
  { id: "erase", name: () => words.erase.name, scope: "admin", Dialog: EraseContact },
];

/** What can be done with a contact, as far as the key may; what is open stands in the address. */
export function ContactActions({ body, contact }: { body: Contact; contact: string }) {
  const { may } = useSession();
  const [open, setOpen] = useFilter("do");
  const offered = ACTIONS.filter((action) => may.includes(action.scope));
  const action = offered.find((each) => each.id === open);
  if (offered.length === 0) {
    return null;
  }
  return (
    <>
      <Menu position="bottom-end" shadow="sm">
        <Menu.Target>
          <Button variant="default">{texts.contacts.actions}</Button>
        </Menu.Target>
        <Menu.Dropdown>
          {offered.map((each) => (
            <Fragment key={each.id}>
              {each.apart && <Menu.Divider />}
              <Menu.Item onClick={() => setOpen(each.id)}>{each.name(body)}</Menu.Item>
            </Fragment>
          ))}
        </Menu.Dropdown>
      </Menu>
      {action !== undefined && (
        <action.Dialog body={body} contact={contact} onClose={() => setOpen(null)} />
      )}
    </>
  );
}
