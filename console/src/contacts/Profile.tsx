import { Title } from "@mantine/core";
import { answerOf, api } from "@/api/client";
import type { Model } from "@/api/models";
import { DataTable } from "@/components/DataTable";
import { Instant } from "@/components/Instant";
import { Listing, useListing } from "@/components/Listing";
import { texts } from "@/texts";
import { idOf } from "./naming";

const words = texts.contacts.profile;

type Contact = Model<"ContactBody">;

function shown(value: unknown): string {
  if (value === null || value === undefined) {
    return texts.parts.none;
  }
  return typeof value === "string" ? value : JSON.stringify(value);
}

const NAMES = {
  email: texts.contacts.email,
  phone: texts.contacts.phone,
  timezone: texts.contacts.zone,
  locale: texts.contacts.locale,
  country: texts.contacts.country,
  score: texts.contacts.score,
  lifecycle: texts.contacts.lifecycle,
} as const;

/** The fields of a contact, with what was worked out and not given. */
function fieldsOf(body: Contact): [string, string][] {
  const { country, derived, email, lifecycle, locale, phone, score, timezone } = body;
  const fields = { email, phone, timezone, locale, country, score, lifecycle };
  return Object.entries(fields).map(([name, value]) => {
    const from = derived[name];
    const text = shown(value);
    return [
      NAMES[name as keyof typeof fields],
      from === undefined ? text : `${text} (${texts.contacts.derived(from)})`,
    ];
  });
}

/** The fields, attributes and groups of a contact. */
export function Profile({ body }: { body: Contact }) {
  const contact = idOf(body);
  const groups = useListing<Model<"api__contacts__timeline__GroupBody">>(
    ["groups", contact],
    (cursor) =>
      answerOf(
        api.GET("/v1/contacts/{contact}/groups", {
          params: { path: { contact }, query: cursor === undefined ? {} : { cursor } },
        }),
      ),
  );
  const pairs = (rows: [string, string][], title: string, empty?: string) => (
    <DataTable
      label={title}
      rows={rows}
      rowKey={([name]) => name}
      empty={empty}
      columns={[
        { key: "name", title: words.name, cell: ([name]) => name },
        { key: "value", title: words.value, cell: ([, value]) => value },
      ]}
    />
  );
  const attributes = Object.entries(body.attributes).map(([name, value]): [string, string] => [
    name,
    shown(value),
  ]);
  return (
    <>
      {pairs(fieldsOf(body), words.fields)}
      <Title order={2} mt="lg" mb="xs">
        {words.attributes}
      </Title>
      {pairs(attributes, words.attributes, words.noAttributes)}
      <Title order={2} mt="lg" mb="xs">
        {words.groups}
      </Title>
      <Listing
        label={words.groups}
        query={groups}
        rowKey={(row) => row.group}
        empty={words.noGroups}
        columns={[
          { key: "group", title: texts.contacts.group, cell: (row) => row.group },
          {
            key: "since",
            title: texts.contacts.runs.since,
            number: true,
            cell: (row) => <Instant at={row.since} />,
          },
        ]}
      />
    </>
  );
}
