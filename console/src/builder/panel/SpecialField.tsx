import { Autocomplete, Text } from "@mantine/core";
import type { ReactNode } from "react";
import { editBetween } from "@/builder/document/valueDifferences";
import { isValueMap, type Value } from "@/builder/document/values";
import { useEventProperties } from "@/conditions/catalog";
import { WhereEditor } from "@/conditions/WhereEditor";
import { DaysField } from "@/moments/DaysField";
import { DurationField } from "@/moments/DurationField";
import { areHours, QuietHoursField, WindowField } from "@/moments/HoursFields";
import { LIMIT_FORMS, MomentField, SINCE_FORMS, WAIT_FORMS } from "@/moments/MomentField";
import type { Form } from "@/moments/moments";
import { NextInstants } from "@/moments/NextInstants";
import { ScheduleField } from "@/moments/ScheduleField";
import { ConditionField } from "./ConditionField";
import { type Editing, type Path, useEditing } from "./editing";
import { DURATIONS } from "./likely";
import type { ValueFieldProps } from "./ValueField";

/** The forms of a moment under a key. */
const MOMENT_FORMS: Readonly<Record<string, readonly Form[]>> = {
  date: ["attribute", "date"],
  since: SINCE_FORMS,
  until: WAIT_FORMS,
  up_to: LIMIT_FORMS,
};

/** Whether the value of a key is a moment that has fields. */
function isMomentField({ name, shape }: ValueFieldProps): boolean {
  return (
    shape.definition === "Moment" ||
    ((name === "since" || name === "date") && shape.kind === "variants")
  );
}

/** Whether a value has fields of its own kind: a condition, a moment, hours… */
export function isSpecial(props: ValueFieldProps): boolean {
  const { around, name, shape, value } = props;
  const { definition = "" } = shape;
  return (
    definition === "Condition" ||
    definition === "Days" ||
    (definition === "Schedule" && isValueMap(value)) ||
    areHours(definition, value) ||
    isMomentField(props) ||
    (name === "where" && shape.kind === "named" && isValueMap(value)) ||
    (shape.kind === "text" && typeof value === "string" && DURATIONS.has(name)) ||
    (PROPERTIES.has(name) && typeof around?.event === "string" && typeof value === "string")
  );
}

/** Keys that name a property of the event beside them. */
const PROPERTIES: ReadonlySet<string> = new Set(["key", "value"]);

/** The events that a status of a message is recorded as. */
const STATUS_EVENTS: Readonly<Record<string, string>> = {
  delivered: "Message Delivered",
  opened: "Message Opened",
  clicked: "Message Clicked",
  bounced: "Message Bounced",
  replied: "Message Replied",
};

function changer(editing: Editing, path: Path, before: Value) {
  return (next: Value | undefined, typing = false) => {
    const edit = editBetween(path, before, next);
    if (edit !== null) {
      editing.change(edit, typing);
    }
  };
}

/** The field of a condition, a moment, a duration, hours, days, or of the name of a property. */
export function SpecialField(props: ValueFieldProps): ReactNode {
  const { around, label, name, path, shape, value } = props;
  const editing = useEditing();
  const { readOnly, steps, timezone } = editing;
  const onChange = changer(editing, path, value);
  const { definition = "" } = shape;
  const shared = { label, readOnly, onChange };
  if (definition === "Condition") {
    return (
      <ConditionField label={label} path={path} value={value} required={props.required ?? false} />
    );
  }
  if (definition === "Days") {
    return <DaysField {...shared} value={value} />;
  }
  if (definition === "Schedule" && isValueMap(value)) {
    return <ScheduleField {...shared} value={value} timezone={timezone} />;
  }
  if (areHours(definition, value)) {
    const Hours = definition === "Window" ? WindowField : QuietHoursField;
    return <Hours {...shared} value={value} timezone={timezone} />;
  }
  if (isMomentField(props)) {
    return (
      <div>
        <MomentField
          {...shared}
          steps={steps}
          value={value}
          forms={MOMENT_FORMS[name] ?? WAIT_FORMS}
        />
        {typeof value === "string" && value !== "entry" && value !== "" && (
          <NextInstants of="moment" value={value} days={around?.days} timezone={timezone} />
        )}
      </div>
    );
  }
  if (name === "where" && isValueMap(value)) {
    const event = around?.event ?? STATUS_EVENTS[String(around?.is)] ?? "";
    return (
      <div>
        <Text size="sm" fw={500}>
          {label}
        </Text>
        <WhereEditor
          {...shared}
          where={value}
          event={String(event)}
          steps={steps}
          entryEvents={editing.entryEvents}
        />
      </div>
    );
  }
  if (typeof value !== "string") {
    return null;
  }
  return shape.kind === "text" && DURATIONS.has(name) ? (
    <DurationField {...shared} value={value} onChange={(next) => onChange(next, true)} />
  ) : (
    <PropertyField {...props} value={value} onChange={(next) => onChange(next, true)} />
  );
}

interface PropertyFieldProps extends ValueFieldProps {
  value: string;
  onChange: (value: string) => void;
}

/** The name of a property of the event that stands beside. */
function PropertyField({ around, label, value, onChange }: PropertyFieldProps) {
  const { readOnly } = useEditing();
  const properties = useEventProperties(String(around?.event ?? ""));
  return (
    <Autocomplete
      label={label}
      disabled={readOnly}
      data={properties.map((each) => each.name)}
      value={value}
      onChange={onChange}
    />
  );
}
