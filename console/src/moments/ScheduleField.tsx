import { Autocomplete, Group, NativeSelect, Stack, TextInput } from "@mantine/core";
import type { ValueMap } from "@/builder/document/values";
import { useNames } from "@/builder/panel/names";
import { texts } from "@/texts";
import { DaysField } from "./DaysField";
import { daysOf } from "./days";
import { NextInstants } from "./NextInstants";
import { cronOf, type Pattern, patternOf } from "./schedules";

const words = texts.moments;

interface ScheduleFieldProps {
  label: string;
  value: ValueMap;
  onChange: (value: ValueMap, typing?: boolean) => void;
  timezone: string | null;
  readOnly?: boolean;
}

type How = "once" | Pattern["every"] | "cron";

const BEGINNINGS: Readonly<Record<Pattern["every"], Pattern>> = {
  day: { every: "day", at: "09:00" },
  week: { every: "week", at: "09:00", days: new Set(["mon"]) },
  month: { every: "month", at: "09:00", day: "1" },
};

/** The value without some keys. */
function without(value: ValueMap, ...keys: readonly string[]): ValueMap {
  return Object.fromEntries(Object.entries(value).filter(([key]) => !keys.includes(key)));
}

/** When everyone of a segment enters: once, or again and again. */
export function ScheduleField(props: ScheduleFieldProps) {
  const { label, value, onChange, timezone, readOnly = false } = props;
  const cron = typeof value.cron === "string" ? value.cron : null;
  const pattern = cron === null ? null : patternOf(cron);
  const how: How = cron === null ? "once" : (pattern?.every ?? "cron");
  const segments = useNames("segments", []);
  const withCron = (line: string, typing = false) =>
    onChange({ ...without(value, "at", "cron"), cron: line }, typing);
  function begin(next: How) {
    if (next === "once") {
      onChange({ ...without(value, "cron"), at: "" });
    } else {
      withCron(next === "cron" ? (cron ?? "0 9 * * mon") : cronOf(BEGINNINGS[next]));
    }
  }
  return (
    <Stack gap="xs" component="fieldset" className="plain" aria-label={label}>
      <NativeSelect
        size="sm"
        label={words.how}
        disabled={readOnly}
        value={how}
        data={[
          { value: "once", label: words.once },
          ...(["day", "week", "month", "cron"] as const).map((each) => ({
            value: each,
            label: words.patterns[each],
          })),
        ]}
        onChange={(event) => begin(event.currentTarget.value as How)}
      />
      {how === "once" && (
        <TextInput
          label={words.date}
          placeholder={words.datePlaceholder}
          disabled={readOnly}
          value={String(value.at ?? "")}
          onChange={(event) => onChange({ ...value, at: event.currentTarget.value }, true)}
        />
      )}
      {how === "cron" && (
        <TextInput
          label={words.cronLine}
          description={words.cronHint}
          disabled={readOnly}
          value={cron ?? ""}
          onChange={(event) => withCron(event.currentTarget.value, true)}
        />
      )}
      {pattern !== null && how !== "cron" && (
        <PatternFields pattern={pattern} readOnly={readOnly} onChange={withCron} />
      )}
      <ZoneField value={value} onChange={onChange} readOnly={readOnly} />
      <Autocomplete
        label={words.whom}
        placeholder={words.everyone}
        disabled={readOnly}
        data={[...new Set(segments)]}
        value={String(value.segment ?? "")}
        onChange={(segment) =>
          onChange(segment === "" ? without(value, "segment") : { ...value, segment }, true)
        }
      />
      <NextInstants of="schedule" value={value} timezone={timezone} />
    </Stack>
  );
}

interface PatternFieldsProps {
  pattern: Pattern;
  readOnly: boolean;
  onChange: (cron: string, typing?: boolean) => void;
}

function PatternFields({ pattern, readOnly, onChange }: PatternFieldsProps) {
  return (
    <>
      {pattern.every === "week" && (
        <DaysField
          label={words.onDays}
          value={patternDays(pattern)}
          readOnly={readOnly}
          onChange={(days) => {
            const next = days === undefined ? null : daysOf(days);
            if (next !== null) {
              onChange(cronOf({ ...pattern, days: next }));
            }
          }}
        />
      )}
      <Group gap="xs" align="end">
        {pattern.every === "month" && (
          <TextInput
            w={120}
            inputMode="numeric"
            label={words.dayOfMonth}
            disabled={readOnly}
            value={pattern.day}
            onChange={(event) => {
              const day = event.currentTarget.value;
              if (/^\d{1,2}$/.test(day)) {
                onChange(cronOf({ ...pattern, day }), true);
              }
            }}
          />
        )}
        <TextInput
          type="time"
          label={words.time}
          disabled={readOnly}
          value={pattern.at}
          onChange={(event) => {
            const at = event.currentTarget.value;
            if (at !== "") {
              onChange(cronOf({ ...pattern, at }), true);
            }
          }}
        />
      </Group>
    </>
  );
}

function patternDays(pattern: Pattern & { every: "week" }): string[] {
  return [...pattern.days];
}

type Zone = "journey" | "contact" | "other";

function ZoneField({ value, onChange, readOnly }: Omit<ScheduleFieldProps, "label" | "timezone">) {
  const zone: Zone =
    value.timezone === undefined ? "journey" : value.timezone === "contact" ? "contact" : "other";
  return (
    <>
      <NativeSelect
        label={words.zone}
        disabled={readOnly ?? false}
        value={zone}
        data={[
          { value: "journey", label: words.zones.journey },
          { value: "contact", label: words.zones.contact },
          { value: "other", label: words.otherZone },
        ]}
        onChange={(event) => {
          const next = event.currentTarget.value as Zone;
          const rest = without(value, "timezone");
          onChange(
            next === "journey"
              ? rest
              : { ...rest, timezone: next === "contact" ? "contact" : "Europe/Paris" },
          );
        }}
      />
      {zone === "other" && (
        <Autocomplete
          label={words.zoneName}
          limit={50}
          disabled={readOnly ?? false}
          data={Intl.supportedValuesOf("timeZone")}
          value={String(value.timezone)}
          onChange={(timezone) => onChange({ ...value, timezone }, true)}
        />
      )}
    </>
  );
}
