import { Text } from "@mantine/core";
import type { Model } from "@/api/models";
import { texts } from "@/texts";

const words = texts.experiments;

type Verdict = Model<"ExperimentBody">["verdict"];

const STATES: Readonly<Record<Verdict, string>> = {
  too_early: "waiting",
  no_difference_yet: "plain",
  winner: "good",
  sample_ratio_mismatch: "failed",
  not_comparable: "plain",
};

interface VerdictProps {
  verdict: Verdict;
  /** What may be said, as the server says it. */
  said: string;
  more: number | null;
}

/** What may be said now: in a word, with how many contacts are missing, and in a sentence. */
export function VerdictLine({ verdict, said, more }: VerdictProps) {
  return (
    <div>
      <Text fw={600} component="div">
        <span className="state" data-state={STATES[verdict]}>
          {words.verdicts[verdict]}
        </span>
        {verdict === "too_early" && more !== null && `: ${words.more(more)}`}
      </Text>
      <Text size="sm">{sentence(said.replaceAll("`", ""))}</Text>
    </div>
  );
}

/** Words as a sentence of their own: with a capital letter. */
function sentence(said: string): string {
  return said.charAt(0).toUpperCase() + said.slice(1);
}
