import { Group, NativeSelect, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import { texts } from "@/texts";
import { amountsOf, durationText, durationWords, UNITS, type Unit } from "./durations";

const words = texts.moments;

interface DurationFieldProps {
  label: string;
  value: string;
  onChange: (value: string) => void;
  readOnly?: boolean;
  /** Whether it stands in a line of other fields, without a label of its own. */
  inline?: boolean;
}

/** A duration: a number with a unit, or several as the language writes them (`1h30m`). */
export function DurationField(props: DurationFieldProps) {
  const { label, value, onChange, readOnly = false, inline = false } = props;
  const [typed, setTyped] = useState<string | null>(null);
  const amounts = amountsOf(value);
  const [only, ...more] = amounts ?? [];
  const single = only !== undefined && more.length === 0 ? only : null;
  function take(text: string) {
    setTyped(text);
    const body = text.trim();
    // What is no duration yet is on its way to one, or given up when the field is left.
    if (/^\d{1,12}$/.test(body)) {
      onChange(durationText({ count: body, unit: single?.unit ?? "d" }));
    } else if (amountsOf(body) !== null) {
      onChange(body);
    }
  }
  const fields = (
    <Group gap={4} wrap="nowrap">
      <TextInput
        size={inline ? "xs" : "sm"}
        w={inline ? 64 : 96}
        aria-label={label}
        disabled={readOnly}
        value={typed ?? (single === null ? value : single.count)}
        onChange={(event) => take(event.currentTarget.value)}
        onBlur={() => setTyped(null)}
      />
      <NativeSelect
        size={inline ? "xs" : "sm"}
        aria-label={words.unitOf(label)}
        disabled={readOnly || (amounts !== null && single === null)}
        value={single?.unit ?? ""}
        data={[
          ...(single === null ? [{ value: "", label: "" }] : []),
          ...UNITS.map((unit) => ({ value: unit, label: words.unitNames[unit] })),
        ]}
        onChange={(event) => {
          const unit = event.currentTarget.value as Unit;
          setTyped(null);
          onChange(durationText({ count: single?.count ?? "1", unit }));
        }}
      />
    </Group>
  );
  if (inline) {
    return fields;
  }
  return (
    <div>
      <Text size="sm" fw={500}>
        {label}
      </Text>
      {fields}
      {amounts !== null && single === null && (
        <Text size="xs" className="quiet">
          {durationWords(value)}
        </Text>
      )}
    </div>
  );
}
