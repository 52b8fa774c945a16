import { Button, Group, NativeSelect, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { type ReactNode, useEffect, useId, useState } from "react";
import { texts } from "@/texts";
import classes from "./FilterBar.module.css";
import { useAddressChange, useFilters } from "./filters";
import { fromLocalInput, toLocalInput } from "./times";

export interface FilterDefinition {
  /** Its name in the address. */
  name: string;
  label: string;
  /** The values to choose from, each with its words; without them it is a text. */
  options?: readonly (readonly [value: string, words: string])[];
  /** The words for no choice of them. */
  none?: string;
  /** Texts that are offered while one types. */
  suggestions?: readonly string[];
  /** A time on the reader's clock; in the address it is RFC 3339. */
  time?: boolean;
  width?: number;
}

const DELAY = 300;
const WIDTH = 144;

interface FilterBarProps {
  filters: readonly FilterDefinition[];
  /** What stands after the filters, such as the choice of columns. */
  children?: ReactNode;
}

/** Filters that stand in the address of the page. */
export function FilterBar({ filters, children }: FilterBarProps) {
  const names = filters.map((filter) => filter.name);
  const values = useFilters(names);
  const change = useAddressChange();
  const any = names.some((name) => values[name] !== "");
  return (
    <Group
      gap="sm"
      align="end"
      mb="md"
      role="search"
      aria-label={texts.parts.filters}
      className={classes.filters}
    >
      {filters.map((filter) => (
        <Field
          key={filter.name}
          filter={filter}
          value={values[filter.name] ?? ""}
          onChange={(value) => change({ [filter.name]: value })}
        />
      ))}
      {any && (
        <Button
          variant="subtle"
          color="gray"
          onClick={() => change(Object.fromEntries(names.map((name) => [name, null])))}
        >
          {texts.parts.clearFilters}
        </Button>
      )}
      {children}
    </Group>
  );
}

interface FieldProps {
  filter: FilterDefinition;
  value: string;
  onChange: (value: string) => void;
}

function Field({ filter, value, onChange }: FieldProps) {
  if (filter.options !== undefined) {
    return (
      <NativeSelect
        size="xs"
        w={filter.width ?? WIDTH}
        label={filter.label}
        value={value}
        onChange={(event) => onChange(event.currentTarget.value)}
        data={[
          { value: "", label: filter.none ?? texts.parts.all },
          ...filter.options.map(([each, words]) => ({ value: each, label: words })),
        ]}
      />
    );
  }
  if (filter.time) {
    return (
      <TextInput
        size="xs"
        w={filter.width ?? 184}
        type="datetime-local"
        label={filter.label}
        value={toLocalInput(value)}
        onChange={(event) => onChange(fromLocalInput(event.currentTarget.value))}
      />
    );
  }
  return <TextField filter={filter} value={value} onChange={onChange} />;
}

/** A text that reaches the address once one has stopped typing. */
function TextField({ filter, value, onChange }: FieldProps) {
  const [text, setText] = useState(value);
  const list = useId();
  const send = useDebouncedCallback(onChange, DELAY);
  useEffect(() => setText(value), [value]);
  return (
    <>
      <TextInput
        size="xs"
        w={filter.width ?? WIDTH}
        label={filter.label}
        value={text}
        list={filter.suggestions === undefined ? undefined : list}
        onChange={(event) => {
          setText(event.currentTarget.value);
          send(event.currentTarget.value.trim());
        }}
      />
      {filter.suggestions !== undefined && (
        <datalist id={list}>
          {filter.suggestions.map((each) => (
            <option key={each} value={each} />
          ))}
        </datalist>
      )}
    </>
  );
}
