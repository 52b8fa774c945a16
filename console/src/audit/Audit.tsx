import { Button, Menu } from "@mantine/core";
import { answerOf, api } from "@/api/client";
import { useJourneyKeys } from "@/api/journeys";
import type { Model } from "@/api/models";
import { withQuery } from "@/components/addresses";
import { CommandLine } from "@/components/CommandLine";
import type { Column } from "@/components/DataTable";
import { Difference } from "@/components/Difference";
import { FilterBar } from "@/components/FilterBar";
import { given, useFilter, useFilters } from "@/components/filters";
import { Instant } from "@/components/Instant";
import { Listing, useListing } from "@/components/Listing";
import { Marked } from "@/components/Marked";
import { Page } from "@/components/Page";
import { texts } from "@/texts";

const words = texts.audit;
const FILTERS = ["from", "to", "actor", "action", "subject", "journey"] as const;

type Entry = Model<"AuditBody">;

const COLUMNS: readonly Column<Entry>[] = [
  { key: "at", title: words.at, cell: (entry) => <Instant at={entry.at} /> },
  { key: "what", title: words.what, cell: (entry) => <Marked words={entry.sentence} /> },
  { key: "by", title: words.by, cell: (entry) => entry.actor },
  { key: "via", title: words.via, cell: (entry) => words.vias[entry.via] },
  { key: "reason", title: words.reason, cell: (entry) => entry.reason ?? texts.parts.none },
];

/** Who changed what, the newest first, each with what was there before and after. */
export function Audit() {
  const filters = useFilters(FILTERS);
  const [open, setOpen] = useFilter("open");
  const journeys = useJourneyKeys();
  const query = given(filters);
  const entries = useListing<Entry>(["audit", filters], (cursor) =>
    answerOf(
      api.GET("/v1/audit", {
        params: { query: { ...query, ...(cursor === undefined ? {} : { cursor }) } },
      }),
    ),
  );
  const details: Column<Entry> = {
    key: "details",
    title: words.details,
    act: true,
    cell: (entry) =>
      entry.before === null && entry.after === null ? (
        texts.parts.none
      ) : (
        <Button
          variant="subtle"
          size="compact-xs"
          aria-expanded={open === String(entry.id)}
          onClick={() => setOpen(open === String(entry.id) ? null : String(entry.id))}
        >
          {open === String(entry.id) ? words.hide : words.show}
        </Button>
      ),
  };
  return (
    <Page title={words.title} actions={<Export filters={filters} />}>
      <FilterBar
        filters={[
          { name: "from", label: words.from, time: true },
          { name: "to", label: words.to, time: true },
          { name: "actor", label: words.actor },
          { name: "action", label: words.action },
          { name: "subject", label: words.subject },
          { name: "journey", label: words.journey, suggestions: journeys },
        ]}
      />
      <Listing
        label={words.title}
        query={entries}
        columns={[...COLUMNS, details]}
        rowKey={(entry) => String(entry.id)}
        marked={(entry) => open === String(entry.id)}
        detail={(entry) =>
          open === String(entry.id) && <Difference before={entry.before} after={entry.after} />
        }
        empty={
          <>
            {words.empty} <CommandLine command={words.emptyCommand} />
          </>
        }
      />
    </Page>
  );
}

/** The whole of what the filters find, as a file. */
function Export({ filters }: { filters: Readonly<Record<string, string>> }) {
  const address = (format: string) => withQuery("/v1/audit/export", { ...filters, format });
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <Button variant="default">{texts.parts.download}</Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item component="a" href={address("csv")} download>
          {texts.parts.downloadCsv}
        </Menu.Item>
        <Menu.Item component="a" href={address("jsonl")} download>
          {texts.parts.downloadJson}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
