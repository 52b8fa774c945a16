import { Group, NativeSelect, Stack, TagsInput, Text, TextInput } from "@mantine/core";
import { isValueMap, type Value, type ValueMap } from "@/builder/document/values";
import { texts } from "@/texts";
import { DaysField } from "./DaysField";
import { NextInstants } from "./NextInstants";

const words = texts.moments;

interface HoursFieldsProps {
  label: string;
  value: ValueMap;
  onChange: (value: ValueMap, typing?: boolean) => void;
  timezone: string | null;
  readOnly?: boolean;
}

/** The mapping with a key, or without it. */
function withKey(value: ValueMap, key: string, next: Value | undefined): ValueMap {
  if (next !== undefined) {
    return { ...value, [key]: next };
  }
  const { [key]: _, ...rest } = value;
  return rest;
}

interface TimesProps extends Omit<HoursFieldsProps, "label" | "timezone"> {
  /** Whether both have to be there. */
  required: boolean;
}

function Times({ value, onChange, readOnly = false, required }: TimesProps) {
  return (
    <Group gap="xs">
      {(["from", "to"] as const).map((key) => (
        <TextInput
          key={key}
          type="time"
          size="xs"
          label={words[key]}
          disabled={readOnly}
          value={String(value[key] ?? "")}
          onChange={(event) => {
            const next = event.currentTarget.value;
            if (next !== "" || !required) {
              onChange(withKey(value, key, next === "" ? undefined : next), true);
            }
          }}
        />
      ))}
    </Group>
  );
}

/** When sends may go out: on which days, in which hours, not on which dates. */
export function WindowField({
  label,
  value,
  onChange,
  timezone,
  readOnly = false,
}: HoursFieldsProps) {
  const except = Array.isArray(value.except) ? (value.except as readonly Value[]) : [];
  return (
    <Stack gap="xs" component="fieldset" className="plain" aria-label={label}>
      <Text size="sm" fw={500}>
        {label}
      </Text>
      <DaysField
        label={words.onDays}
        value={value.days}
        readOnly={readOnly}
        onChange={(days) => onChange(withKey(value, "days", days))}
      />
      <Times value={value} onChange={onChange} readOnly={readOnly} required={false} />
      <TagsInput
        size="xs"
        label={words.except}
        placeholder={except.length === 0 ? "2026-12-25" : ""}
        disabled={readOnly}
        acceptValueOnBlur
        value={except.map(String)}
        onChange={(dates) =>
          onChange(withKey(value, "except", dates.length === 0 ? undefined : dates))
        }
      />
      <NativeSelect
        size="xs"
        label={words.otherwise}
        disabled={readOnly}
        value={String(value.else ?? "wait")}
        data={[
          { value: "wait", label: words.waits },
          { value: "skip", label: words.skips },
        ]}
        onChange={(event) => onChange({ ...value, else: event.currentTarget.value })}
      />
      <NextInstants of="window" value={value} timezone={timezone} />
    </Stack>
  );
}

/** When nothing is sent. */
export function QuietHoursField({
  label,
  value,
  onChange,
  timezone,
  readOnly = false,
}: HoursFieldsProps) {
  return (
    <Stack gap="xs" component="fieldset" className="plain" aria-label={label}>
      <Text size="sm" fw={500}>
        {label}
      </Text>
      <Times value={value} onChange={onChange} readOnly={readOnly} required />
      <NextInstants of="quiet_hours" value={value} timezone={timezone} />
    </Stack>
  );
}

/** The keys of a window, and of quiet hours: with any other key, it is shown in another way. */
const KNOWN: Readonly<Record<string, readonly string[]>> = {
  Window: ["days", "from", "to", "except", "else"],
  QuietHours: ["from", "to"],
};

/** Whether hours have these fields alone. */
export function areHours(definition: string, value: Value): value is ValueMap {
  const known = KNOWN[definition];
  return (
    known !== undefined &&
    isValueMap(value) &&
    Object.keys(value).every((key) => known.includes(key))
  );
}
