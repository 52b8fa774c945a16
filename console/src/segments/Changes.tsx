import { answerOf, api } from "@/api/client";
import type { Model } from "@/api/models";
import { ContactLink } from "@/components/ContactLink";
import type { Column } from "@/components/DataTable";
import { Instant } from "@/components/Instant";
import { Listing, useListing } from "@/components/Listing";
import { texts } from "@/texts";

const words = texts.segments;

type Change = Model<"api__contacts__segments__ChangeBody">;

const COLUMNS: readonly Column<Change>[] = [
  { key: "contact", title: words.contact, cell: (row) => <ContactLink contact={row.contact} /> },
  { key: "change", title: words.change, cell: (row) => row.change },
  { key: "by", title: words.by, cell: (row) => row.by },
  { key: "at", title: words.at, number: true, cell: (row) => <Instant at={row.at} /> },
];

/** Who entered a segment and who left it, the newest first. */
export function Changes({ segment }: { segment: string }) {
  const changes = useListing<Change>(["segment-changes", segment], (cursor) =>
    answerOf(
      api.GET("/v1/segments/{key}/changes", {
        params: {
          path: { key: segment },
          query: { limit: 50, ...(cursor === undefined ? {} : { cursor }) },
        },
      }),
    ),
  );
  return (
    <Listing
      label={words.tabs.changes}
      query={changes}
      columns={COLUMNS}
      rowKey={(row) => `${row.at} ${row.contact} ${row.change}`}
      empty={words.noChanges}
    />
  );
}
