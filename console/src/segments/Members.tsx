import { answerOf, api } from "@/api/client";
import type { Model } from "@/api/models";
import { ContactLink } from "@/components/ContactLink";
import type { Column } from "@/components/DataTable";
import { Instant } from "@/components/Instant";
import { Listing, useListing } from "@/components/Listing";
import { texts } from "@/texts";

const words = texts.segments;

type Member = Model<"MemberBody">;

const COLUMNS: readonly Column<Member>[] = [
  { key: "contact", title: words.contact, cell: (row) => <ContactLink contact={row.contact} /> },
  { key: "email", title: words.email, cell: (row) => row.email ?? texts.parts.none },
  {
    key: "since",
    title: words.since,
    number: true,
    cell: (row) => <Instant at={row.entered_at} />,
  },
];

/** The members of a segment. */
export function Members({ segment }: { segment: string }) {
  const members = useListing<Member>(["members", segment], (cursor) =>
    answerOf(
      api.GET("/v1/segments/{key}/members", {
        params: {
          path: { key: segment },
          query: { limit: 50, ...(cursor === undefined ? {} : { cursor }) },
        },
      }),
    ),
  );
  return (
    <Listing
      label={words.tabs.members}
      query={members}
      columns={COLUMNS}
      rowKey={(row) => row.contact}
      empty={words.noMembers}
    />
  );
}
