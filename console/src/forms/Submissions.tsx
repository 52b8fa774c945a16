import { answerOf, api } from "@/api/client";
import type { Model } from "@/api/models";
import { ContactLink } from "@/components/ContactLink";
import type { Column } from "@/components/DataTable";
import { FactList } from "@/components/FactList";
import { Instant } from "@/components/Instant";
import { Listing, useListing } from "@/components/Listing";
import { texts } from "@/texts";

const words = texts.forms;

type Submission = Model<"SubmissionBody">;

const COLUMNS: readonly Column<Submission>[] = [
  { key: "contact", title: words.contact, cell: (row) => <ContactLink contact={row.contact} /> },
  { key: "fields", title: words.filledIn, cell: (row) => <FactList facts={row.fields} /> },
  { key: "at", title: words.at, number: true, cell: (row) => <Instant at={row.at} /> },
];

/** Who filled in a form, and with what, the newest first. */
export function Submissions({ form }: { form: string }) {
  const submissions = useListing<Submission>(
    ["submissions", form],
    (cursor) =>
      answerOf(
        api.GET("/v1/forms/{key}/submissions", {
          params: {
            path: { key: form },
            query: { limit: 50, ...(cursor === undefined ? {} : { cursor }) },
          },
        }),
      ),
    10_000,
  );
  return (
    <Listing
      label={words.tabs.submissions}
      query={submissions}
      columns={COLUMNS}
      rowKey={(row) => String(row.id)}
      empty={submissions.hasNextPage ? words.noneLately : words.noSubmissions}
    />
  );
}
