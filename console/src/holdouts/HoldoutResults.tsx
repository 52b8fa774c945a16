import { Group, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { answerOf, api } from "@/api/client";
import { listVersions } from "@/api/documents";
import type { Model } from "@/api/models";
import { Choice } from "@/components/Choice";
import { type Column, DataTable } from "@/components/DataTable";
import { figure } from "@/components/figures";
import { useFilter } from "@/components/filters";
import { LoadingLine } from "@/components/LoadingLine";
import { ProblemNotice } from "@/components/ProblemNotice";
import { Section } from "@/components/Section";
import { texts } from "@/texts";

const words = texts.holdouts;

type Comparison = Model<"Results">["whole"];
type Arm = Comparison["entered"];

const share = new Intl.NumberFormat("en", { style: "percent", maximumFractionDigits: 1 });
const factor = new Intl.NumberFormat("en", { maximumFractionDigits: 2 });

interface Row {
  who: string;
  arm: Arm;
}

const COLUMNS: readonly Column<Row>[] = [
  { key: "who", title: words.who, cell: (row) => row.who },
  { key: "contacts", title: words.contacts, number: true, cell: ({ arm }) => figure(arm.contacts) },
  { key: "goals", title: words.goals, number: true, cell: ({ arm }) => figure(arm.goals) },
  { key: "rate", title: words.rate, number: true, cell: ({ arm }) => rateOf(arm) },
  { key: "open", title: words.open_, number: true, cell: ({ arm }) => figure(arm.open) },
  { key: "value", title: words.value, number: true, cell: ({ arm }) => figure(arm.value) },
  {
    key: "each",
    title: words.perContact,
    number: true,
    cell: ({ arm }) =>
      arm.value_per_contact === null ? texts.parts.none : factor.format(arm.value_per_contact),
  },
];

function rateOf({ rate, interval }: Arm) {
  if (rate === null) {
    return texts.parts.none;
  }
  const { high, low } = interval;
  return (
    <>
      {share.format(rate)}
      {low !== null && high !== null && (
        <span className="quiet"> {words.between(share.format(low), share.format(high))}</span>
      )}
    </>
  );
}

/** What a holdout shows: who entered against who was held out, in words and figures. */
export function HoldoutResults({ holdout }: { holdout: string }) {
  const [version, setVersion] = useFilter("version");
  const versions = useQuery({
    queryKey: ["versions", "holdout", holdout, "numbers"],
    queryFn: () => listVersions("holdout", holdout),
  });
  const results = useQuery({
    queryKey: ["holdout-results", holdout, version],
    queryFn: () =>
      answerOf(
        api.GET("/v1/holdouts/{key}/results", {
          params: {
            path: { key: holdout },
            query: version === "" ? {} : { version: Number(version) },
          },
        }),
      ),
    refetchInterval: 30_000,
    placeholderData: (before) => before,
  });
  if (results.data === undefined) {
    return results.isError ? (
      <ProblemNotice error={results.error} retry={() => results.refetch()} />
    ) : (
      <LoadingLine />
    );
  }
  const { journeys, level, state, whole } = results.data;
  return (
    <>
      <Group gap="sm" mb="md">
        <Choice
          label={words.version}
          any={words.newest}
          value={version}
          options={versions.data?.items.map((each) => String(each.version)) ?? []}
          onChange={setVersion}
        />
        <Text size="sm" className="quiet">
          {results.data.share} · {words.states[state] ?? state}
        </Text>
      </Group>
      <Compared title={words.whole} comparison={whole} level={level} />
      {journeys.map((each) => (
        <Compared
          key={each.journey}
          title={words.ofJourney(each.journey ?? "")}
          comparison={each}
          level={level}
        />
      ))}
    </>
  );
}

interface ComparedProps {
  title: string;
  comparison: Comparison;
  level: number;
}

function Compared({ title, comparison, level }: ComparedProps) {
  const { entered, held_out: heldOut } = comparison;
  const unmeasured = entered.not_measured + heldOut.not_measured;
  return (
    <Section title={title}>
      <Text mb="xs">{sentence(comparison.words)}</Text>
      {comparison.verdict === "winner" && <Lift comparison={comparison} level={level} />}
      <DataTable
        label={`${title}: ${words.comparison}`}
        columns={COLUMNS}
        rows={[
          { who: words.entered, arm: entered },
          { who: words.heldOut, arm: heldOut },
        ]}
        rowKey={(row) => row.who}
      />
      {unmeasured > 0 && (
        <Text size="sm" className="quiet" mt="xs">
          {words.notMeasured(unmeasured)}
        </Text>
      )}
    </Section>
  );
}

function Lift({ comparison, level }: Omit<ComparedProps, "title">) {
  const { added_goals: added, lift, sequential } = comparison;
  return (
    <Text size="sm" mb="xs">
      {lift !== null && `${words.lift(share.format(Math.abs(lift)), lift >= 0)} `}
      {sequential !== null &&
        sequential.ratio.low !== null &&
        `${words.liftBetween(
          factor.format(sequential.ratio.low),
          sequential.ratio.high === null ? null : factor.format(sequential.ratio.high),
        )} `}
      {added !== null && added > 0 && `${words.added(figure(Math.round(added)))} `}
      <span className="quiet">{words.confidence(share.format(1 - level))}</span>
    </Text>
  );
}

/** Words of the server as a sentence. */
function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
