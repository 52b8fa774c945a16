import { Autocomplete, Group, NativeSelect, Text, TextInput } from "@mantine/core";
import { isValueMap, type Value, type ValueMap } from "@/builder/document/values";
import { useNames } from "@/builder/panel/names";
import { texts } from "@/texts";
import { DurationField } from "./DurationField";
import { beginningOf, type Form, formOf } from "./moments";
import { ShiftFields } from "./ShiftFields";

const words = texts.moments;

/** The forms of a moment in a condition of a journey. */
export const CONDITION_FORMS: readonly Form[] = [
  "now",
  "today",
  "ago",
  "ahead",
  "date",
  "time",
  "attribute",
  "entry",
  "entryProperty",
  "step",
];

/** Those of a condition outside of a journey. */
export const OUTSIDE_FORMS: readonly Form[] = CONDITION_FORMS.filter(
  (form) => form !== "entry" && form !== "entryProperty" && form !== "step",
);

/** The forms of a moment that a run waits for. */
export const WAIT_FORMS: readonly Form[] = [
  "time",
  "date",
  "ahead",
  "attribute",
  "entryProperty",
  "step",
];

/** The forms of the end of a wait. */
export const LIMIT_FORMS: readonly Form[] = ["duration", ...WAIT_FORMS];

/** The forms of the beginning of a wait's events. */
export const SINCE_FORMS: readonly Form[] = ["entry", "now", ...WAIT_FORMS];

interface MomentFieldProps {
  label: string;
  value: Value;
  forms: readonly Form[];
  steps: readonly string[];
  onChange: (value: Value, typing?: boolean) => void;
  readOnly?: boolean;
  /** Whether it stands in a line of other fields, without a label of its own. */
  inline?: boolean;
}

/** A moment: what kind of time it is, and its fields. */
export function MomentField(props: MomentFieldProps) {
  const { label, value, forms, onChange, readOnly = false, inline = false } = props;
  const form = formOf(value);
  const offered = form === null || forms.includes(form) ? forms : [...forms, form];
  const fields = (
    <Group gap={4}>
      <NativeSelect
        size={inline ? "xs" : "sm"}
        aria-label={words.formOf(label)}
        disabled={readOnly}
        value={form ?? ""}
        data={[
          ...(form === null ? [{ value: "", label: words.forms.other }] : []),
          ...offered.map((each) => ({ value: each, label: words.forms[each] })),
        ]}
        onChange={(event) => onChange(beginningOf(event.currentTarget.value as Form))}
      />
      <FormFields {...props} form={form} />
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
    </div>
  );
}

function FormFields(props: MomentFieldProps & { form: Form | null }) {
  const { form, label, value, onChange, readOnly = false, inline = false } = props;
  const size = inline ? "xs" : "sm";
  const text = typeof value === "string" ? value : "";
  switch (form) {
    case "now":
    case "today":
    case "entry":
      return null;
    case "time":
      return (
        <TextInput
          type="time"
          size={size}
          aria-label={words.time}
          disabled={readOnly}
          value={text}
          onChange={(event) =>
            event.currentTarget.value && onChange(event.currentTarget.value, true)
          }
        />
      );
    case "ago":
    case "ahead":
      return (
        <DurationField
          inline
          label={label}
          readOnly={readOnly}
          value={text.slice(1)}
          onChange={(next) => onChange(`${form === "ago" ? "-" : "+"}${next}`, true)}
        />
      );
    case "duration":
      return (
        <DurationField
          inline
          label={label}
          readOnly={readOnly}
          value={text}
          onChange={(next) => onChange(next, true)}
        />
      );
    case "attribute":
    case "entryProperty":
    case "step":
      return isValueMap(value) ? <ReferenceFields {...props} value={value} /> : null;
    default:
      return (
        <TextInput
          size={size}
          aria-label={words.date}
          placeholder={words.datePlaceholder}
          disabled={readOnly}
          value={String(value)}
          onChange={(event) => onChange(event.currentTarget.value, true)}
        />
      );
  }
}

function ReferenceFields({
  value,
  onChange,
  steps,
  readOnly = false,
  inline = false,
}: Omit<MomentFieldProps, "value"> & { value: ValueMap }) {
  const attributes = useNames("attribute" in value ? "attributes" : undefined, steps);
  const labels = texts.conditions.labels;
  const names = Object.keys(value).filter((key) =>
    ["attribute", "entry", "step", "property"].includes(key),
  );
  return (
    <>
      {names.map((key) => (
        <Autocomplete
          key={key}
          size={inline ? "xs" : "sm"}
          w={160}
          limit={50}
          aria-label={
            key === "attribute"
              ? labels.attributes
              : key === "step"
                ? labels.steps
                : labels.properties
          }
          disabled={readOnly}
          data={[...new Set(key === "attribute" ? attributes : key === "step" ? steps : [])]}
          value={String(value[key] ?? "")}
          onChange={(name) => onChange({ ...value, [key]: name }, true)}
        />
      ))}
      <ShiftFields value={value} onChange={onChange} readOnly={readOnly} />
    </>
  );
}
