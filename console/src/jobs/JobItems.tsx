import { answerOf, api } from "@/api/client";
import { isOpen, JOBS, type JobDetail } from "@/api/jobs";
import type { Model } from "@/api/models";
import { Choice } from "@/components/Choice";
import { ContactLink } from "@/components/ContactLink";
import type { Column } from "@/components/DataTable";
import { useFilter } from "@/components/filters";
import { Listing, useListing } from "@/components/Listing";
import { ObjectLink } from "@/components/ObjectLink";
import { Section } from "@/components/Section";
import { ShortId } from "@/components/ShortId";
import { StateBadge } from "@/components/StateBadge";
import { texts } from "@/texts";

const words = texts.jobs;

type Item = Model<"ItemBody">;

const COLUMNS: readonly Column<Item>[] = [
  {
    key: "contact",
    title: texts.runs.contact,
    cell: (item) =>
      item.contact === null ? texts.parts.none : <ContactLink contact={item.contact} />,
  },
  {
    key: "run",
    title: words.run,
    cell: (item) => (
      <ObjectLink place="runs" id={item.run}>
        <ShortId id={item.run} />
      </ObjectLink>
    ),
  },
  {
    key: "state",
    title: words.state,
    cell: (item) => <StateBadge state={words.itemStates[item.state]} />,
  },
  {
    key: "code",
    title: words.code,
    cell: (item) =>
      item.code === null ? texts.parts.none : (texts.attention.reasons[item.code] ?? item.code),
  },
  {
    key: "since",
    title: words.sinceThen,
    cell: (item) =>
      item.since === null ? (
        texts.parts.none
      ) : (
        <StateBadge state={words.sinceStates[item.since] ?? item.since} />
      ),
  },
];

const STATES = ["waiting", "sending", "done", "left", "failed"] as const;

/** The runs that a repair is for, and what came of each. */
export function JobItems({ job }: { job: JobDetail }) {
  const [state, setState] = useFilter("state");
  const chosen = STATES.find((each) => each === state);
  const items = useListing<Item>(
    [JOBS, job.id, "items", chosen, job.state],
    (cursor) =>
      answerOf(
        api.GET("/v1/jobs/{job_id}/items", {
          params: {
            path: { job_id: job.id },
            query: {
              ...(chosen === undefined ? {} : { state: chosen }),
              ...(cursor === undefined ? {} : { cursor }),
            },
          },
        }),
      ),
    isOpen(job) ? 2_000 : 5_000,
  );
  return (
    <Section
      title={words.items}
      actions={
        <Choice
          label={words.state}
          any={texts.parts.all}
          value={state}
          options={STATES.map((each) => ({ value: each, label: words.itemStates[each] }))}
          onChange={setState}
        />
      }
    >
      <Listing
        label={words.items}
        query={items}
        columns={COLUMNS}
        rowKey={(item) => `${item.run} ${item.visit}`}
      />
    </Section>
  );
}
