import { Group, TextInput } from "@mantine/core";
import { Choice } from "@/components/Choice";
import classes from "@/components/FilterBar.module.css";
import { texts } from "@/texts";
import { useVersions } from "./journey";
import type { useStatsWindow } from "./liveStats";

const words = texts.journeys.results;

interface StatsFiltersProps {
  journey: string;
  chosen: ReturnType<typeof useStatsWindow>;
}

/** The version, the period and the cohort that figures are of, as they stand in the address. */
export function StatsFilters({ journey, chosen }: StatsFiltersProps) {
  const versions = useVersions(journey);
  return (
    <Group gap="sm" align="end" className={classes.filters}>
      <Choice
        label={words.version}
        any={words.allVersions}
        value={chosen.version}
        options={versions.data?.items.map((row) => String(row.version)) ?? []}
        onChange={chosen.setVersion}
      />
      <TextInput
        type="date"
        label={words.from}
        value={chosen.from}
        onChange={(event) => chosen.setFrom(event.currentTarget.value)}
      />
      <TextInput
        type="date"
        label={words.to}
        value={chosen.to}
        onChange={(event) => chosen.setTo(event.currentTarget.value)}
      />
      <Choice
        label={words.cohort}
        any={words.cohorts.occurrence}
        value={chosen.cohort}
        options={[{ value: "entered", label: words.cohorts.entered }]}
        onChange={chosen.setCohort}
      />
    </Group>
  );
}
