import { useQuery } from "@tanstack/react-query";
import { answerOf, api } from "@/api/client";
import type { Model } from "@/api/models";
import { useMay } from "@/api/session";
import { type Column, DataTable } from "@/components/DataTable";
import { Instant } from "@/components/Instant";
import { PlaceLink } from "@/components/PlaceLink";
import { Section } from "@/components/Section";
import { texts } from "@/texts";

const words = texts.journeys;

type Draft = Model<"DraftSummary">;

const COLUMNS: readonly Column<Draft>[] = [
  {
    key: "name",
    title: words.name,
    cell: (row) => <PlaceLink to={`/${encodeURIComponent(row.key)}`}>{row.key}</PlaceLink>,
  },
  { key: "who", title: words.changedBy, cell: (row) => row.saved_by },
  {
    key: "changed",
    title: words.changed,
    number: true,
    cell: (row) => <Instant at={row.saved_at} relative />,
  },
];

/** The journeys that were begun and have no version yet; nothing if there are none. */
export function BegunJourneys() {
  const mayEdit = useMay("edit");
  const drafts = useQuery({
    queryKey: ["drafts", "journey"],
    queryFn: () =>
      answerOf(api.GET("/v1/drafts", { params: { query: { kind: "journey", limit: 500 } } })),
    enabled: mayEdit,
  });
  const begun = drafts.data?.items.filter((draft) => draft.newest_version === null) ?? [];
  if (begun.length === 0) {
    return null;
  }
  return (
    <Section title={words.begun}>
      <DataTable label={words.begun} columns={COLUMNS} rows={begun} rowKey={(row) => row.key} />
    </Section>
  );
}
