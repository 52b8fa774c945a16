import { Group, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { answerOf, api } from "@/api/client";
import type { Model } from "@/api/models";
import { CommandLine } from "@/components/CommandLine";
import type { Column } from "@/components/DataTable";
import { figure } from "@/components/figures";
import { useFilter } from "@/components/filters";
import { Instant } from "@/components/Instant";
import { Listing, useListing } from "@/components/Listing";
import { Page } from "@/components/Page";
import { PlaceLink } from "@/components/PlaceLink";
import { texts } from "@/texts";
import { idOf, nameOf, placeOf } from "./naming";

const words = texts.contacts;

type Contact = Model<"ContactBody">;

const COLUMNS: readonly Column<Contact>[] = [
  {
    key: "contact",
    title: words.contact,
    cell: (row) => <PlaceLink to={placeOf(idOf(row))}>{nameOf(row)}</PlaceLink>,
  },
  { key: "id", title: "Id", cell: (row) => row.external_id ?? texts.parts.none },
  { key: "phone", title: words.phone, cell: (row) => row.phone ?? texts.parts.none },
  { key: "country", title: words.country, cell: (row) => row.country ?? texts.parts.none },
  { key: "zone", title: words.zone, cell: (row) => row.timezone ?? texts.parts.none },
  { key: "score", title: words.score, number: true, cell: (row) => figure(row.score) },
  {
    key: "changed",
    title: words.changed,
    number: true,
    cell: (row) => <Instant at={row.updated_at} relative />,
  },
];

function given(name: string, value: string) {
  return value === "" ? {} : { [name]: value };
}

/** Contacts, found by a part of what they are known by, or by a group or segment. */
export function ContactList() {
  const [typed, setTyped] = useFilter("q");
  const [group, setGroup] = useFilter("group");
  const [segment, setSegment] = useFilter("segment");
  const [q] = useDebouncedValue(typed.trim(), 200);
  const found = useListing<Contact>(["contacts", q, group, segment], (cursor) =>
    answerOf(
      api.GET("/v1/contacts", {
        params: {
          query: {
            limit: 50,
            ...given("q", q),
            ...given("group", group),
            ...given("segment", segment),
            ...given("cursor", cursor ?? ""),
          },
        },
      }),
    ),
  );
  const filtered = q !== "" || group !== "" || segment !== "";
  return (
    <Page title={words.title}>
      <Group gap="sm" mb="sm">
        <TextInput
          type="search"
          flex="1 1 240px"
          placeholder={words.find}
          aria-label={words.find}
          value={typed}
          onChange={(event) => setTyped(event.currentTarget.value)}
        />
        <TextInput
          placeholder={words.segment}
          aria-label={words.segment}
          value={segment}
          onChange={(event) => setSegment(event.currentTarget.value)}
        />
        <TextInput
          placeholder={words.group}
          aria-label={words.group}
          value={group}
          onChange={(event) => setGroup(event.currentTarget.value)}
        />
      </Group>
      <Listing
        label={words.title}
        query={found}
        columns={COLUMNS}
        rowKey={(row) => row.id}
        empty={
          filtered ? (
            words.noneFound
          ) : (
            <>
              {words.empty} <CommandLine command={words.emptyCommand} />
            </>
          )
        }
      />
    </Page>
  );
}
