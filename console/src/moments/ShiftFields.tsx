import { Checkbox, Group, TextInput } from "@mantine/core";
import type { ValueMap } from "@/builder/document/values";
import { texts } from "@/texts";

const words = texts.moments;

interface ShiftFieldsProps {
  value: ValueMap;
  onChange: (value: ValueMap, typing?: boolean) => void;
  readOnly: boolean;
}

/** The value without a key, or with it. */
function withKey(value: ValueMap, key: string, next: string): ValueMap {
  if (next !== "") {
    return { ...value, [key]: next };
  }
  const { [key]: _, ...rest } = value;
  return rest;
}

/** How a moment follows from a date: its anniversary, earlier or later, at a time of day. */
export function ShiftFields({ value, onChange, readOnly }: ShiftFieldsProps) {
  return (
    <Group gap="xs">
      <Checkbox
        size="xs"
        label={words.yearly}
        disabled={readOnly}
        checked={value.every !== undefined}
        onChange={(event) =>
          onChange(withKey(value, "every", event.currentTarget.checked ? "year" : ""))
        }
      />
      <TextInput
        size="xs"
        w={96}
        aria-label={words.shift}
        title={words.shiftHint}
        placeholder={words.shift}
        disabled={readOnly}
        value={String(value.offset ?? "")}
        onChange={(event) => onChange(withKey(value, "offset", event.currentTarget.value), true)}
      />
      <TextInput
        type="time"
        size="xs"
        aria-label={words.atTime}
        title={words.atTime}
        disabled={readOnly}
        value={String(value.at ?? "")}
        onChange={(event) => onChange(withKey(value, "at", event.currentTarget.value), true)}
      />
    </Group>
  );
}
