import { Button, Group, Text } from "@mantine/core";
import { useEffect } from "react";
import { answerOf, api } from "@/api/client";
import { useJourneyKeys } from "@/api/journeys";
import { CommandLine } from "@/components/CommandLine";
import { FilterBar } from "@/components/FilterBar";
import { given, useFilter, useFilters } from "@/components/filters";
import { Listing, useListing } from "@/components/Listing";
import { Views } from "@/components/Views";
import { useSteps } from "@/journeys/steps";
import { texts } from "@/texts";
import { DetailButton, LOG_COLUMNS, LogDetails } from "./columns";
import { FILTERS, type LogItem, newestFirst, typesOf } from "./items";
import { useLive } from "./live";
import { TypeChoice } from "./TypeChoice";

const words = texts.log;

const VIEWS = [
  { name: words.views.all, search: "" },
  { name: words.views.messages, search: "types=send%2Cdelivery" },
  { name: words.views.entries, search: "types=entry%2Cend%2Cgoal" },
  { name: words.views.refused, search: "types=rejected%2Crefusal" },
  { name: words.views.operators, search: "types=repair%2Caction%2Cjob" },
  { name: words.views.faults, search: "types=fault%2Cdead_event" },
];
/** How sends end; other steps end in many ways, which an address may name. */
const OUTCOMES = ["sent", "skipped", "failed", "unknown"] as const;
const LEFT = ["paused", "open"];

/** Everything that is recorded, as it is recorded: the newest on top. */
export function LiveLog() {
  const filters = useFilters(FILTERS);
  const [paused, setPaused] = useFilter("paused");
  const [open, setOpen] = useFilter("open");
  const journeys = useJourneyKeys();
  const steps = useSteps(journeys.includes(filters.journey) ? filters.journey : null);
  const { types: named, ...rest } = filters;
  const types = typesOf(named);
  const list = useListing<LogItem>(["log", filters], (cursor) =>
    someOf((from) =>
      answerOf(
        api.GET("/v1/log", {
          params: {
            query: {
              ...given(rest),
              ...(types.length === 0 ? {} : { type: types.join(",") }),
              ...(from === undefined ? {} : { cursor: from }),
            },
          },
        }),
      ),
    )(cursor),
  );
  const { refetch } = list;
  const live = useLive(filters, paused !== "", () => void refetch());
  useEffect(() => {
    // What was recorded between the reading of the list and the opening of the stream.
    if (live.state === "open") {
      void refetch();
    }
  }, [live.state, refetch]);
  const query = {
    ...list,
    data: list.data && {
      ...list.data,
      pages: withArrived(list.data.pages, live.items),
    },
  } as typeof list;
  return (
    <>
      <Views place="log" given={VIEWS} left={LEFT} />
      <FilterBar
        filters={[
          { name: "journey", label: words.journey, suggestions: journeys },
          { name: "contact", label: words.contact, width: 112 },
          { name: "step", label: words.step, suggestions: steps, width: 112 },
          {
            name: "outcome",
            label: words.outcome,
            options: OUTCOMES.map((each) => [each, words.outcomes[each]] as const),
            width: 96,
          },
          { name: "key", label: words.key, width: 96 },
          { name: "from", label: words.from, time: true },
        ]}
      >
        <TypeChoice />
        <Group gap="sm">
          <Button variant="default" onClick={() => setPaused(paused === "" ? "1" : null)}>
            {paused === "" ? words.pause : words.resume}
          </Button>
          <Text size="sm" role="status">
            {paused === "" ? <Connection state={live.state} /> : heldWords(live.waiting)}
          </Text>
        </Group>
      </FilterBar>
      <Listing
        label={words.title}
        query={query}
        columns={[
          ...LOG_COLUMNS,
          {
            key: "details",
            title: words.details,
            act: true,
            cell: (item) => (
              <DetailButton
                item={item}
                open={open === item.id}
                onToggle={() => setOpen(open === item.id ? null : item.id)}
              />
            ),
          },
        ]}
        rowKey={(item) => item.id}
        marked={(item) => open === item.id}
        detail={(item) => open === item.id && <LogDetails item={item} />}
        empty={
          <>
            {words.empty} <CommandLine command={words.emptyCommand} />
          </>
        }
      />
    </>
  );
}

interface PageOf {
  items: LogItem[];
  next?: string | null;
}

const MOST_PAGES = 20;

/** A page that has items: one that lets none through says where the next one begins. */
function someOf(read: (cursor: string | undefined) => Promise<PageOf>) {
  return async (cursor: string | undefined): Promise<PageOf> => {
    let page = await read(cursor);
    for (let more = 1; more < MOST_PAGES && page.items.length === 0 && page.next; more += 1) {
      page = await read(page.next);
    }
    return page;
  };
}

/** The pages that were read, with what arrived since then on top of the first. */
function withArrived(pages: readonly PageOf[], arrived: readonly LogItem[]): PageOf[] {
  const [first, ...others] = pages;
  if (first === undefined) {
    return [];
  }
  const oldestFirst = [...arrived].reverse();
  const known = new Set(pages.flatMap((page) => page.items.map((item) => item.id)));
  const fresh = oldestFirst.filter((item) => !known.has(item.id));
  return [{ ...first, items: newestFirst(fresh, first.items, Number.MAX_SAFE_INTEGER) }, ...others];
}

function heldWords(count: number): string {
  return count === 0 ? words.paused : words.held(count);
}

function Connection({ state }: { state: "connecting" | "open" | "lost" }) {
  if (state === "lost") {
    return <>{words.lost}</>;
  }
  return (
    <span className="state" data-state={state === "open" ? "good" : "waiting"}>
      {state === "open" ? words.live : words.connecting}
    </span>
  );
}
