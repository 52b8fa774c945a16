import { Group } from "@mantine/core";
import { answerOf, api } from "@/api/client";
import type { Model } from "@/api/models";
import { ContactLink } from "@/components/ContactLink";
import type { Column } from "@/components/DataTable";
import { FilterBar } from "@/components/FilterBar";
import { useFilters } from "@/components/filters";
import { Instant } from "@/components/Instant";
import { Listing, useListing } from "@/components/Listing";
import { ObjectLink } from "@/components/ObjectLink";
import { texts } from "@/texts";

const words = texts.coupons;

type Draw = Model<"DrawBody">;

const FILTERS = [{ name: "code", label: words.findCode, width: 240 }] as const;
const NAMES = ["code"] as const;

const COLUMNS: readonly Column<Draw>[] = [
  { key: "code", title: words.code, cell: (row) => <code>{row.code}</code> },
  {
    key: "contact",
    title: words.contact,
    cell: (row) =>
      row.contact === null ? (
        <span className="quiet">{words.erased}</span>
      ) : (
        <ContactLink contact={row.contact} />
      ),
  },
  {
    key: "journey",
    title: words.journey,
    cell: (row) =>
      row.journey === null ? (
        texts.parts.none
      ) : (
        <Group gap="xs" wrap="nowrap">
          <ObjectLink place="journeys" id={row.journey} />
          {row.step !== null && <span className="quiet">{row.step}</span>}
        </Group>
      ),
  },
  {
    key: "run",
    title: words.run,
    cell: (row) =>
      row.run === null ? (
        texts.parts.none
      ) : (
        <ObjectLink place="runs" id={row.run}>
          {row.run.slice(0, 8)}
        </ObjectLink>
      ),
  },
  {
    key: "drawn",
    title: words.drawnAt,
    number: true,
    cell: (row) => <Instant at={row.drawn_at} />,
  },
  {
    key: "redeemed",
    title: words.redeemedAt,
    number: true,
    cell: (row) => <Instant at={row.redeemed_at} />,
  },
];

/** The codes that were drawn from a pool, those drawn last first. Codes that are left stay hidden. */
export function Draws({ pool }: { pool: string }) {
  const { code } = useFilters(NAMES);
  const draws = useListing<Draw>(
    ["draws", pool, code],
    (cursor) =>
      answerOf(
        api.GET("/v1/coupons/{pool}/draws", {
          params: {
            path: { pool },
            query: {
              limit: 50,
              ...(code === "" ? {} : { code }),
              ...(cursor === undefined ? {} : { cursor }),
            },
          },
        }),
      ),
    10_000,
  );
  return (
    <>
      <FilterBar filters={FILTERS} />
      <Listing
        label={words.tabs.draws}
        query={draws}
        columns={COLUMNS}
        rowKey={(row) => row.code}
        empty={code === "" ? words.noDraws : words.noSuchCode}
      />
    </>
  );
}
