import { Button, Group } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { answerOf, api } from "@/api/client";
import { useJourneyKeys } from "@/api/journeys";
import { useMay } from "@/api/session";
import { ColumnChoice, useColumns } from "@/components/ColumnChoice";
import { CommandLine } from "@/components/CommandLine";
import { DataTable } from "@/components/DataTable";
import { FilterBar, type FilterDefinition } from "@/components/FilterBar";
import { given, useAddressChange, useFilter, useFilters } from "@/components/filters";
import { JobProgress } from "@/components/JobProgress";
import { Listing, useListing } from "@/components/Listing";
import { LoadingLine } from "@/components/LoadingLine";
import { Page } from "@/components/Page";
import { ProblemNotice } from "@/components/ProblemNotice";
import { Views } from "@/components/Views";
import { useSteps } from "@/journeys/steps";
import { texts } from "@/texts";
import { COLUMNS, type Run, STUCK_COLUMNS, USUAL } from "./columns";
import { RepairBar } from "./RepairBar";
import { allThatMatch, FILTERS, type RepairOrder, type RunFilters } from "./repairs";
import { type Ticks, tickColumn, useTicks } from "./ticks";

const words = texts.runs;
const REFRESH = 5_000;
const LEFT = ["ticked", "job"];
const VIEWS = [
  { name: words.views.all, search: "" },
  { name: words.views.active, search: "state=active" },
  { name: words.views.stuck, search: "state=stuck" },
  { name: words.views.retrying, search: "held=retry" },
  { name: words.views.held, search: "held=paused" },
  { name: words.views.ended, search: "state=ended" },
];

/** The list of runs: filters, columns and ticks stand in the address. */
export function Runs() {
  const filters = useFilters(FILTERS);
  const ticks = useTicks();
  const mayRepair = useMay("operate");
  const change = useAddressChange();
  const [job, setJob] = useFilter("job");
  const [columns, setColumns] = useColumns(COLUMNS, USUAL);
  const stuck = filters.state === "stuck";
  return (
    <Page title={words.title}>
      <Views place="runs" given={VIEWS} left={LEFT} />
      <FilterBar filters={useDefinitions(filters.journey, stuck)}>
        {!stuck && <ColumnChoice all={COLUMNS} shown={columns} onChange={setColumns} />}
      </FilterBar>
      {job !== "" && (
        <Group mb="md" gap="sm" align="start" wrap="nowrap">
          <div className="grow">
            <JobProgress id={job} onUndo={(undo) => setJob(undo.id)} />
          </div>
          <Button variant="subtle" color="gray" onClick={() => setJob(null)}>
            {words.closeJob}
          </Button>
        </Group>
      )}
      {stuck ? (
        <StuckRuns journey={filters.journey} ticks={mayRepair ? ticks : null} />
      ) : (
        <RunListing filters={filters} columns={columns} ticks={mayRepair ? ticks : null} />
      )}
      {mayRepair && (
        <RepairBar
          ticks={ticks}
          all={allThatMatch(filters)}
          journey={filters.journey}
          onBegun={(begun) => change({ ticked: null, job: begun.id })}
        />
      )}
    </Page>
  );
}

function useDefinitions(journey: string, stuck: boolean): FilterDefinition[] {
  const journeys = useJourneyKeys();
  const steps = useSteps(journeys.includes(journey) ? journey : null);
  const all: FilterDefinition[] = [
    {
      name: "journey",
      label: words.journey,
      suggestions: journeys,
    },
    { name: "state", label: words.state, options: Object.entries(words.states), width: 96 },
    { name: "step", label: words.step, suggestions: steps },
    { name: "contact", label: words.contact },
    { name: "held", label: words.held, options: Object.entries(words.heldOptions) },
    { name: "code", label: words.code },
  ];
  return stuck ? all.slice(0, 2) : all;
}

interface RunListingProps {
  filters: RunFilters;
  columns: readonly (typeof COLUMNS)[number][];
  ticks: Ticks | null;
}

function RunListing({ filters, columns, ticks }: RunListingProps) {
  const query = useListing<Run>(
    ["runs", filters],
    (cursor) => {
      const { state, held, ...rest } = filters;
      return answerOf(
        api.GET("/v1/runs", {
          params: {
            query: {
              ...given(rest),
              ...(state === "active" || state === "ended" ? { state } : {}),
              ...(held === "" ? {} : { held: held as NonNullable<RepairOrder["held"]> }),
              ...(cursor === undefined ? {} : { cursor }),
            },
          },
        }),
      );
    },
    REFRESH,
  );
  const rows = query.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Listing
      label={words.title}
      query={query}
      columns={ticks === null ? columns : [tickColumn(rows, ticks), ...columns]}
      rowKey={(run) => run.id}
      marked={(run) => ticks?.ids.includes(run.id) ?? false}
      empty={
        <>
          {words.empty} <CommandLine command={words.emptyCommand} />
        </>
      }
    />
  );
}

function StuckRuns({ journey, ticks }: { journey: string; ticks: Ticks | null }) {
  const query = useQuery({
    queryKey: ["runs", "stuck", journey],
    queryFn: () => answerOf(api.GET("/v1/runs/stuck", { params: { query: given({ journey }) } })),
    refetchInterval: REFRESH,
    placeholderData: (before) => before,
  });
  if (query.data === undefined) {
    return query.isError ? (
      <ProblemNotice error={query.error} retry={() => query.refetch()} />
    ) : (
      <LoadingLine />
    );
  }
  const rows = query.data.items;
  return (
    <DataTable
      label={words.views.stuck}
      columns={ticks === null ? STUCK_COLUMNS : [tickColumn(rows, ticks), ...STUCK_COLUMNS]}
      rows={rows}
      rowKey={(run) => run.id}
      marked={(run) => ticks?.ids.includes(run.id) ?? false}
      empty={words.noneStuck}
    />
  );
}
