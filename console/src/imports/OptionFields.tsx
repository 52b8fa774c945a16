import { Checkbox, Text, TextInput } from "@mantine/core";
import { texts } from "@/texts";
import { Choices } from "./Choices";
import { BELOW } from "./hints";
import classes from "./imports.module.css";
import { BEGINNING, type ImportOptions, type Preset } from "./options";

const words = texts.imports.begin;
const PRESETS = { "": words.noPreset, ...words.presets } satisfies Record<Preset | "", string>;

interface OptionFieldsProps {
  options: ImportOptions;
  onChange: (options: ImportOptions) => void;
}

/** What the file holds, which contacts may change, and the few things that cannot be found out. */
export function OptionFields({ options, onChange }: OptionFieldsProps) {
  const set = (change: Partial<ImportOptions>) => onChange({ ...options, ...change });
  const ofContacts = options.what !== "suppressions";
  return (
    <>
      <div className={classes.fields}>
        <Choices
          label={words.what}
          value={options.what}
          options={texts.imports.whats}
          // Targets are of one kind of file: what was chosen for another does not count.
          onChange={(what) => set({ what, map: {} })}
        />
        <Choices
          label={words.preset}
          value={options.preset ?? ""}
          options={PRESETS}
          onChange={(preset) => set({ preset: preset === "" ? null : preset })}
        />
        {ofContacts && (
          <Choices
            label={words.by}
            value={options.by}
            options={words.bys}
            onChange={(by) => set({ by })}
          />
        )}
        {ofContacts && (
          <Choices
            label={words.mode}
            value={options.mode}
            options={words.modes}
            onChange={(mode) => set({ mode })}
          />
        )}
      </div>
      {options.preset !== null && (
        <Text size="sm" mb="sm" role="status">
          {words.unverified}
        </Text>
      )}
      <details>
        <summary>{words.more}</summary>
        <div className={classes.fields}>
          {options.what === "contacts" && (
            <TextInput
              label={words.groups}
              description={words.groupsHint}
              inputWrapperOrder={BELOW}
              value={options.groups}
              onChange={(event) => set({ groups: event.currentTarget.value })}
            />
          )}
          <Choices
            label={words.empty}
            value={options.empty}
            options={words.empties}
            onChange={(empty) => set({ empty })}
          />
          <TextInput
            label={words.timezone}
            placeholder="Europe/Paris"
            value={options.timezone}
            onChange={(event) => set({ timezone: event.currentTarget.value })}
          />
          <TextInput
            label={words.encoding}
            placeholder={words.found}
            value={options.encoding}
            onChange={(event) => set({ encoding: event.currentTarget.value })}
          />
          <TextInput
            label={words.delimiter}
            placeholder={words.found}
            value={options.delimiter}
            maxLength={3}
            onChange={(event) => set({ delimiter: event.currentTarget.value })}
          />
          <TextInput
            label={words.rate}
            inputMode="numeric"
            value={options.rate}
            onChange={(event) => set({ rate: event.currentTarget.value.replace(/\D/g, "") })}
          />
          {BEGINNING.includes(options.what) && (
            <Checkbox
              label={words.journeys}
              description={words.journeysHint}
              checked={options.beginJourneys}
              onChange={(event) => set({ beginJourneys: event.currentTarget.checked })}
            />
          )}
        </div>
      </details>
    </>
  );
}
