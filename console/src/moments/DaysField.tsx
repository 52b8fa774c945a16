import { Chip, Group, Text } from "@mantine/core";
import type { Value } from "@/builder/document/values";
import { texts } from "@/texts";
import { DAYS, daysOf, daysText } from "./days";

const words = texts.moments;

interface DaysFieldProps {
  label: string;
  value: Value | undefined;
  onChange: (value: Value | undefined) => void;
  readOnly?: boolean;
}

/** Days of the week; none chosen is every day. */
export function DaysField({ label, value, onChange, readOnly = false }: DaysFieldProps) {
  const days = value === undefined ? new Set<(typeof DAYS)[number]>() : daysOf(value);
  return (
    <div>
      <Text size="sm" fw={500}>
        {label}
      </Text>
      {days === null ? (
        <code>{JSON.stringify(value)}</code>
      ) : (
        <Group gap={4} role="group" aria-label={label}>
          {DAYS.map((day) => (
            <Chip
              key={day}
              size="xs"
              disabled={readOnly}
              checked={days.has(day)}
              onChange={(checked) => {
                const next = new Set(days);
                if (checked) {
                  next.add(day);
                } else {
                  next.delete(day);
                }
                onChange(next.size === 0 ? undefined : daysText(next));
              }}
            >
              {words.days[day]}
            </Chip>
          ))}
        </Group>
      )}
    </div>
  );
}
