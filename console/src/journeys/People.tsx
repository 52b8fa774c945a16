import { Group } from "@mantine/core";
import { answerOf, api } from "@/api/client";
import type { Model } from "@/api/models";
import type { paths } from "@/api/schema";
import { useMay } from "@/api/session";
import { withQuery } from "@/components/addresses";
import { Choice } from "@/components/Choice";
import { ContactLink } from "@/components/ContactLink";
import type { Column } from "@/components/DataTable";
import classes from "@/components/FilterBar.module.css";
import { useFilter } from "@/components/filters";
import { Instant } from "@/components/Instant";
import { LinkButton } from "@/components/LinkButton";
import { Listing, useListing } from "@/components/Listing";
import { ObjectLink } from "@/components/ObjectLink";
import { ShortId } from "@/components/ShortId";
import { StateBadge } from "@/components/StateBadge";
import { Views } from "@/components/Views";
import { texts } from "@/texts";
import { useSteps } from "./steps";

const words = texts.journeys.people;

type Run = Model<"RunBody">;
type Held = NonNullable<NonNullable<paths["/v1/runs"]["get"]["parameters"]["query"]>["held"]>;

const COLUMNS: readonly Column<Run>[] = [
  { key: "contact", title: words.contact, cell: (run) => <ContactLink contact={run.contact} /> },
  { key: "step", title: words.step, cell: (run) => run.step ?? texts.parts.none },
  { key: "state", title: words.state, cell: (run) => <StateBadge state={run.state} /> },
  { key: "outcome", title: words.outcome, cell: (run) => run.outcome ?? texts.parts.none },
  {
    key: "since",
    title: words.since,
    number: true,
    cell: (run) => <Instant at={run.started_at} />,
  },
  {
    key: "run",
    title: words.run,
    cell: (run) => (
      <ObjectLink place="runs" id={run.id}>
        <ShortId id={run.id} />
      </ObjectLink>
    ),
  },
];

/** The contacts of a journey, and where each of them stands. */
export function People({ journey }: { journey: string }) {
  const [state, setState] = useFilter("state");
  const [step, setStep] = useFilter("step");
  const [held, setHeld] = useFilter("held");
  const [goal, setGoal] = useFilter("goal");
  const [reached, setReached] = useFilter("reached");
  const [took, setTook] = useFilter("took");
  const steps = useSteps(journey);
  const mayRepair = useMay("operate");
  const runs = useListing<Run>(
    ["runs", journey, state, step, held, goal, reached, took],
    (cursor) =>
      answerOf(
        api.GET("/v1/runs", {
          params: {
            query: {
              journey,
              limit: 50,
              ...(state === "active" || state === "ended" ? { state } : {}),
              ...(step === "" ? {} : { step }),
              ...(held === "" ? {} : { held: held as Held }),
              ...(goal === "met" ? { goal } : {}),
              ...(reached === "" ? {} : { reached }),
              ...(reached === "" || took === "" ? {} : { took }),
              ...(cursor === undefined ? {} : { cursor }),
            },
          },
        }),
      ),
  );
  return (
    <>
      <Views place={`journeys/${encodeURIComponent(journey)}/people`} given={[]} />
      <Group gap="sm" mb="sm" className={classes.filters}>
        <Choice
          label={words.state}
          any={words.anyState}
          value={state}
          options={[
            { value: "active", label: words.inside },
            { value: "ended", label: words.ended },
          ]}
          onChange={setState}
        />
        <Choice
          label={words.step}
          any={words.anyStep}
          value={step}
          options={steps}
          onChange={setStep}
        />
        <Choice
          label={words.held}
          any={words.anyHeld}
          value={held}
          options={Object.entries(texts.runs.heldOptions).map(([value, label]) => ({
            value,
            label,
          }))}
          onChange={setHeld}
        />
        <Choice
          label={words.goal}
          any={words.anyGoal}
          value={goal}
          options={[{ value: "met", label: words.goalMet }]}
          onChange={setGoal}
        />
        <Choice
          label={words.reached}
          any={words.anyReached}
          value={reached}
          options={steps.map((each) => ({ value: each, label: words.cameTo(each) }))}
          onChange={setReached}
        />
        {reached !== "" && took !== "" && (
          <Choice
            label={words.took}
            any={words.anyTook}
            value={took}
            options={[{ value: took, label: words.tookWay(took) }]}
            onChange={setTook}
          />
        )}
        {mayRepair && (
          <LinkButton to={`~${withQuery("/runs", { journey, state, step, held })}`}>
            {words.repair}
          </LinkButton>
        )}
      </Group>
      <Listing
        label={texts.journeys.tabs.people}
        query={runs}
        columns={COLUMNS}
        rowKey={(run) => run.id}
        empty={words.empty}
      />
    </>
  );
}
