import { Button } from "@mantine/core";
import { answerOf, api } from "@/api/client";
import type { Model } from "@/api/models";
import { useMay } from "@/api/session";
import { withQuery } from "@/components/addresses";
import { ColumnChoice, useColumns } from "@/components/ColumnChoice";
import { CommandLine } from "@/components/CommandLine";
import type { Column } from "@/components/DataTable";
import { FilterBar } from "@/components/FilterBar";
import { figure } from "@/components/figures";
import { given, useFilter, useFilters } from "@/components/filters";
import { Instant } from "@/components/Instant";
import { LinkButton } from "@/components/LinkButton";
import { Listing, useListing } from "@/components/Listing";
import { Page } from "@/components/Page";
import { PlaceLink } from "@/components/PlaceLink";
import { Views } from "@/components/Views";
import { texts } from "@/texts";
import { NewContact } from "./actions/NewContact";
import { useGroupKeys, useSegmentKeys } from "./fields";
import { idOf, nameOf, placeOf } from "./naming";

const words = texts.contacts;
const FILTERS = ["q", "email", "phone", "segment", "group"] as const;
const VIEWS = [{ name: words.known, search: "" }];
const LEFT = ["do"];

type Contact = Model<"ContactBody">;

const COLUMNS: readonly Column<Contact>[] = [
  {
    key: "contact",
    title: words.contact,
    cell: (row) => <PlaceLink to={placeOf(idOf(row))}>{nameOf(row)}</PlaceLink>,
  },
  { key: "id", title: words.id, cell: (row) => row.external_id ?? texts.parts.none },
  { key: "email", title: words.email, cell: (row) => row.email ?? texts.parts.none },
  { key: "phone", title: words.phone, cell: (row) => row.phone ?? texts.parts.none },
  { key: "country", title: words.country, cell: (row) => row.country ?? texts.parts.none },
  { key: "zone", title: words.zone, cell: (row) => row.timezone ?? texts.parts.none },
  { key: "locale", title: words.locale, cell: (row) => row.locale ?? texts.parts.none },
  { key: "lifecycle", title: words.lifecycle, cell: (row) => row.lifecycle ?? texts.parts.none },
  {
    key: "frozen",
    title: words.frozen,
    cell: (row) => (row.restricted ? words.frozen : texts.parts.none),
  },
  { key: "score", title: words.score, number: true, cell: (row) => figure(row.score) },
  {
    key: "created",
    title: words.created,
    number: true,
    cell: (row) => <Instant at={row.created_at} relative />,
  },
  {
    key: "changed",
    title: words.changed,
    number: true,
    cell: (row) => <Instant at={row.updated_at} relative />,
  },
];
const USUAL = ["contact", "id", "phone", "country", "zone", "score", "changed"];

/** Contacts, found by what they are known by, by a group or a segment; what is found can be kept. */
export function ContactList() {
  const filters = useFilters(FILTERS);
  const [columns, setColumns] = useColumns(COLUMNS, USUAL);
  const segments = useSegmentKeys();
  const groups = useGroupKeys();
  const found = useListing<Contact>(["contacts", filters], (cursor) =>
    answerOf(
      api.GET("/v1/contacts", {
        params: {
          query: {
            limit: 50,
            ...given(filters),
            ...(cursor === undefined ? {} : { cursor }),
          },
        },
      }),
    ),
  );
  const filtered = FILTERS.some((name) => filters[name] !== "");
  return (
    <Page title={words.title} actions={<Actions {...filters} />}>
      <Views place="contacts" given={VIEWS} left={LEFT} />
      <FilterBar
        filters={[
          { name: "q", label: words.find, width: 280 },
          { name: "email", label: words.email, width: 200 },
          { name: "phone", label: words.phone },
          { name: "segment", label: words.segment, suggestions: segments },
          { name: "group", label: words.group, suggestions: groups },
        ]}
      >
        <ColumnChoice all={COLUMNS} shown={columns} onChange={setColumns} />
      </FilterBar>
      <Listing
        label={words.title}
        query={found}
        columns={columns}
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

/** What can be done with contacts, those of the segment or group that is shown where it is one. */
function Actions({ segment, group }: { segment: string; group: string }) {
  const mayOperate = useMay("operate");
  const mayExport = useMay("admin");
  const [open, setOpen] = useFilter("do");
  const shown = segment !== "" ? { segment } : { group };
  return (
    <>
      {mayOperate && (segment !== "" || group !== "") && (
        <LinkButton to={withQuery("~/imports/enter", shown)}>{words.enterMany}</LinkButton>
      )}
      {mayExport && (
        <LinkButton to={withQuery("~/imports/export", shown)}>{words.exportMany}</LinkButton>
      )}
      {mayOperate && (
        <>
          <LinkButton to="~/imports/new">{words.importMany}</LinkButton>
          <Button onClick={() => setOpen("new")}>{words.make}</Button>
        </>
      )}
      {mayOperate && open === "new" && <NewContact onClose={() => setOpen(null)} />}
    </>
  );
}
