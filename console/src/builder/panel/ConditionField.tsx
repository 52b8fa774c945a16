import { Text } from "@mantine/core";
import { editBetween } from "@/builder/document/valueDifferences";
import type { Value } from "@/builder/document/values";
import { ConditionEditor } from "@/conditions/ConditionEditor";
import { type Path, useEditing } from "./editing";

interface ConditionFieldProps {
  label: string;
  path: Path;
  value: Value;
  required: boolean;
}

/** A condition of a journey as sentences; each change is a small edit of the text. */
export function ConditionField({ label, path, value, required }: ConditionFieldProps) {
  const { change, entryEvents, readOnly, steps } = useEditing();
  return (
    <div>
      <Text size="sm" fw={500}>
        {label}
      </Text>
      <ConditionEditor
        label={label}
        value={value}
        required={required}
        readOnly={readOnly}
        journey={{ steps, entryEvents }}
        onChange={(next, typing = false) => {
          const edit = editBetween(path, value, next);
          if (edit !== null) {
            change(edit, typing);
          }
        }}
      />
    </div>
  );
}
