import { Autocomplete } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { answerOf, api } from "@/api/client";
import type { Model } from "@/api/models";
import { texts } from "@/texts";

type Contact = Model<"ContactBody">;

const SHOWN = 8;

/** By what a contact is asked for: the id that it was given, else the engine's own. */
function referenceOf(contact: Contact): string {
  return contact.external_id ?? contact.id;
}

interface ContactSearchProps {
  label: string;
  /** The contact that is chosen; empty: none. */
  value: string;
  onChange: (contact: string) => void;
}

/** Finds a contact by how its id, e-mail address or phone number begins. */
export function ContactSearch({ label, value, onChange }: ContactSearchProps) {
  const [typed, setTyped] = useState(value);
  const [q] = useDebouncedValue(typed.trim(), 200);
  const found = useQuery({
    queryKey: ["contact-search", q],
    queryFn: () =>
      answerOf(
        api.GET("/v1/contacts", {
          params: { query: { limit: SHOWN, ...(q === "" ? {} : { q }) } },
        }),
      ),
    placeholderData: keepPreviousData,
    staleTime: 10_000,
  });
  const contacts = new Map(found.data?.items.map((each) => [referenceOf(each), each]));
  return (
    <Autocomplete
      label={label}
      description={texts.contacts.find}
      value={typed}
      data={[...contacts.keys()]}
      // What is offered was found by the server, by other names of the contact too.
      filter={({ options }) => options}
      renderOption={({ option }) => {
        const contact = contacts.get(option.value);
        const known = [contact?.email, contact?.phone].filter((each) => each != null);
        return (
          <div>
            {option.value}
            {known.length > 0 && <div className="id">{known.join(" · ")}</div>}
          </div>
        );
      }}
      onChange={setTyped}
      onOptionSubmit={onChange}
      onBlur={() => onChange(typed.trim())}
      onKeyDown={(event) => event.key === "Enter" && onChange(typed.trim())}
    />
  );
}
