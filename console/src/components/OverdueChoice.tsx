import { Group, NativeSelect, TextInput } from "@mantine/core";
import type { Model } from "@/api/models";
import { texts } from "@/texts";

const words = texts.pausing;

export type Overdue = Model<"ResumeOrder">["overdue"];

interface OverdueChoiceProps {
  value: Overdue;
  onChange: (overdue: Overdue) => void;
  /** What is overdue, if it is not a pause that has made it so. */
  label?: string;
}

const KINDS = ["send", "skip", "spread"] as const;
const SPREAD = "2h";

/** What becomes of sends that were due during a pause. */
export function OverdueChoice({ value, onChange, label = words.overdue }: OverdueChoiceProps) {
  const kind = typeof value === "string" ? value : "spread";
  return (
    <Group gap="sm" align="end">
      <NativeSelect
        label={label}
        value={kind}
        data={KINDS.map((each) => ({ value: each, label: words.overdues[each] }))}
        onChange={(event) => {
          const next = event.currentTarget.value;
          onChange(next === "send" || next === "skip" ? next : { spread: SPREAD });
        }}
      />
      {typeof value === "object" && (
        <TextInput
          label={words.spread}
          w={96}
          value={value.spread}
          onChange={(event) => onChange({ spread: event.currentTarget.value.trim() })}
        />
      )}
    </Group>
  );
}
