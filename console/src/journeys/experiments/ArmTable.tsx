import { type Column, DataTable } from "@/components/DataTable";
import { figure } from "@/components/figures";
import { texts } from "@/texts";
import { type ArmRow, type Experiment, liftWords, shownWords, writer } from "./arms";
import { between, difference, probability, rate } from "./numbers";

const words = texts.experiments;
const { none } = texts.parts;

function columnsOf(experiment: Experiment): readonly Column<ArmRow>[] {
  const written = writer(experiment);
  return [
    {
      key: "arm",
      title: words.arm,
      cell: ({ arm }) => [arm.name, words.roles[arm.role]].filter(Boolean).join(" · "),
    },
    {
      key: "contacts",
      title: words.contacts,
      number: true,
      cell: ({ arm }) => figure(arm.contacts),
    },
    {
      key: "share",
      title: words.share,
      number: true,
      cell: ({ arm }) =>
        arm.share === null ? (
          none
        ) : (
          <span
            title={
              arm.expected_share === null ? undefined : words.expected(rate(arm.expected_share))
            }
          >
            {rate(arm.share)}
          </span>
        ),
    },
    {
      key: "rate",
      title: experiment.metric.of === "mean" ? words.mean : words.rate,
      number: true,
      cell: ({ level, interval }) =>
        level === null ? (
          none
        ) : (
          <>
            {written(level)}
            {interval !== null && <div className="quiet">{between(interval, written)}</div>}
          </>
        ),
    },
    {
      key: "lift",
      title: words.lift,
      number: true,
      cell: (row) => {
        const found = liftWords(row);
        return found === null ? (
          none
        ) : (
          <>
            {found.lift}
            {found.interval !== "" && <div className="quiet">{found.interval}</div>}
          </>
        );
      },
    },
    {
      key: "incremental",
      title: words.incremental,
      number: true,
      cell: ({ compared }) =>
        compared?.incremental == null ? none : difference(compared.incremental),
    },
    {
      key: "any",
      title: words.anyDay,
      number: true,
      cell: ({ compared }) =>
        compared?.sequential == null ? none : probability(compared.sequential.corrected_p_value),
    },
    {
      key: "one",
      title: words.oneLook,
      number: true,
      cell: ({ compared }) =>
        compared?.fixed_horizon == null
          ? none
          : probability(compared.fixed_horizon.corrected_p_value),
    },
    { key: "shown", title: words.confidence, cell: shownWords },
  ];
}

interface ArmTableProps {
  experiment: Experiment;
  rows: readonly ArmRow[];
}

/** The arms of an experiment, each with its rate, its lift and what is shown of it. */
export function ArmTable({ experiment, rows }: ArmTableProps) {
  return (
    <DataTable
      label={words.of(experiment.step)}
      columns={columnsOf(experiment)}
      rows={rows}
      rowKey={(row) => row.arm.name}
      marked={(row) => row.arm.name === experiment.winner}
    />
  );
}
