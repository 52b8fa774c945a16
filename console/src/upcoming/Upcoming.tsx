import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { answerOf, api } from "@/api/client";
import type { Model } from "@/api/models";
import { Choice } from "@/components/Choice";
import { channelName } from "@/components/channelName";
import { csvOf, saveFile } from "@/components/csv";
import { type Column, DataTable } from "@/components/DataTable";
import { figure } from "@/components/figures";
import { useFilter } from "@/components/filters";
import { HourBars } from "@/components/HourBars";
import { LoadingLine } from "@/components/LoadingLine";
import { ObjectLink } from "@/components/ObjectLink";
import { Page } from "@/components/Page";
import { ProblemNotice } from "@/components/ProblemNotice";
import { Section } from "@/components/Section";
import { localTime } from "@/components/times";
import { texts } from "@/texts";
import { hoursOf, namesOf } from "./hours";

const words = texts.upcoming;
const REFRESH = 15_000;

type Forecast = Model<"UpcomingList">;
type Item = Model<"UpcomingBody">;
type Held = Model<"WithoutTimeBody">;

function hourOf(at: string | Date): string {
  return localTime(new Date(at)).slice(0, 16);
}

const COLUMNS: readonly Column<Item>[] = [
  { key: "hour", title: words.hour, cell: (row) => hourOf(row.hour) },
  {
    key: "journey",
    title: words.journey,
    cell: (row) => <ObjectLink place="journeys" id={row.journey} />,
  },
  { key: "step", title: words.step, cell: (row) => row.step },
  { key: "channel", title: words.channel, cell: (row) => channelName(row.channel) },
  {
    key: "by",
    title: words.by,
    cell: (row) => (row.reason === null ? words.bys[row.by] : reasonWords(row.reason)),
  },
  {
    key: "count",
    title: words.count,
    number: true,
    cell: (row) => (row.exact ? figure(row.count) : words.atMost(figure(row.count))),
  },
];

const HELD: readonly Column<Held>[] = [
  {
    key: "journey",
    title: words.journey,
    cell: (row) => <ObjectLink place="journeys" id={row.journey} />,
  },
  { key: "step", title: words.step, cell: (row) => row.step },
  { key: "channel", title: words.channel, cell: (row) => channelName(row.channel) },
  { key: "reason", title: words.reason, cell: (row) => reasonWords(row.reason) },
  { key: "count", title: words.count, number: true, cell: (row) => figure(row.count) },
];

function reasonWords(reason: string): string {
  return texts.visits.held[reason] ?? reason;
}

function save(items: readonly Item[]) {
  const rows = items.map((row) => [
    row.hour,
    row.journey,
    row.step,
    row.channel,
    row.by,
    row.count,
    String(row.exact),
  ]);
  const head = [
    words.hour,
    words.journey,
    words.step,
    words.channel,
    words.by,
    words.count,
    words.exact,
  ];
  saveFile(words.file, csvOf([head, ...rows]));
}

/** What will be sent: by hour and journey, as bars and as a table. */
export function Upcoming() {
  const [within, setWithin] = useFilter("within");
  const forecast = useQuery({
    queryKey: ["upcoming", within],
    queryFn: () =>
      answerOf(api.GET("/v1/upcoming", { params: { query: within === "" ? {} : { within } } })),
    refetchInterval: REFRESH,
    placeholderData: (before) => before,
  });
  const { "": usual, ...others } = words.windows;
  const data = forecast.data;
  return (
    <Page
      title={words.title}
      line={data && words.line(data.total, data.exact)}
      actions={
        <>
          <Choice
            label={words.within}
            any={usual}
            value={within}
            options={Object.entries(others).map(([value, label]) => ({ value, label }))}
            onChange={setWithin}
          />
          {data !== undefined && data.items.length > 0 && (
            <Button variant="default" size="sm" onClick={() => save(data.items)}>
              {texts.parts.downloadCsv}
            </Button>
          )}
        </>
      }
    >
      {forecast.isError && (
        <ProblemNotice error={forecast.error} retry={() => forecast.refetch()} />
      )}
      {data === undefined ? !forecast.isError && <LoadingLine /> : <Shown forecast={data} />}
    </Page>
  );
}

function Shown({ forecast }: { forecast: Forecast }) {
  const { items, at, until, total, without_time } = forecast;
  const names = namesOf(items, words.others);
  const hours = hoursOf(items, new Date(at), new Date(until), names, words.others);
  return (
    <>
      {items.length > 0 && (
        <HourBars
          label={words.chartWords(total, hours.length)}
          names={names}
          bars={hours.map((hour) => ({
            label: hour.at.toISOString(),
            tick: hours.length > 30 ? hourOf(hour.at).slice(5, 10) : hourOf(hour.at).slice(11),
            parts: hour.parts,
          }))}
          words={(bar, sum) =>
            words.hourWords(
              hourOf(bar.label),
              sum,
              bar.parts.map((part) => `${part.name} ${figure(part.count)}`).join(", "),
            )
          }
        />
      )}
      <Section title={words.table}>
        <DataTable
          label={words.table}
          columns={COLUMNS}
          rows={items}
          rowKey={(row) => `${row.hour} ${row.journey} ${row.step} ${row.by} ${row.reason}`}
          empty={words.empty}
        />
      </Section>
      {without_time.length > 0 && (
        <Section title={words.withoutTime} line={words.withoutTimeLine}>
          <DataTable
            label={words.withoutTime}
            columns={HELD}
            rows={without_time}
            rowKey={(row) => `${row.journey} ${row.step} ${row.reason}`}
          />
        </Section>
      )}
    </>
  );
}
