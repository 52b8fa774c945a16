import { Button, Group, NativeSelect, Text, TextInput } from "@mantine/core";
import { useId } from "react";
import { VALUE_TYPES, type ValueRow, type ValueType } from "@/contacts/values";
import { texts } from "@/texts";
import classes from "./ValueFields.module.css";

const words = texts.acting.change;

function isType(text: string): text is ValueType {
  return VALUE_TYPES.some((type) => type === text);
}

interface ValueFieldProps {
  row: ValueRow;
  label: string;
  /** Whether its name stands above it. */
  named?: boolean;
  onChange: (row: ValueRow) => void;
}

/** The field of one value. */
export function ValueField({ row, label, named = false, onChange }: ValueFieldProps) {
  const name = named ? { label } : { "aria-label": label };
  if (row.type === "truth") {
    return (
      <NativeSelect
        {...name}
        value={row.text}
        data={[
          { value: "", label: words.noValue },
          ...Object.entries(words.truths).map(([value, said]) => ({ value, label: said })),
        ]}
        onChange={(event) => onChange({ ...row, text: event.currentTarget.value })}
      />
    );
  }
  return (
    <TextInput
      {...name}
      value={row.text}
      inputMode={row.type === "number" ? "decimal" : "text"}
      onChange={(event) => onChange({ ...row, text: event.currentTarget.value })}
    />
  );
}

interface AttributeRowsProps {
  rows: readonly ValueRow[];
  /** Names of attributes that exist, which are offered. */
  known: readonly string[];
  /** How many rows are of attributes that the contact has: these keep their names. */
  fixed: number;
  onChange: (rows: readonly ValueRow[]) => void;
}

/** Attributes of any name, each with its type: changed, removed and added. */
export function AttributeRows({ rows, known, fixed, onChange }: AttributeRowsProps) {
  const list = useId();
  function put(place: number, row: ValueRow) {
    onChange(rows.map((each, at) => (at === place ? row : each)));
  }
  return (
    <>
      {rows.map((row, place) => {
        const name = row.name === "" ? words.newAttribute : row.name;
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: no row moves, and a name is typed.
          <div className={classes.row} key={place} data-removed={row.removed || undefined}>
            {place < fixed ? (
              <span className={classes.name}>{row.name}</span>
            ) : (
              <TextInput
                aria-label={words.attribute}
                placeholder={words.attribute}
                value={row.name}
                list={list}
                onChange={(event) => put(place, { ...row, name: event.currentTarget.value })}
              />
            )}
            <NativeSelect
              aria-label={words.typeOf(name)}
              value={row.type}
              disabled={row.removed}
              data={VALUE_TYPES.map((type) => ({ value: type, label: words.types[type] }))}
              onChange={(event) => {
                const type = event.currentTarget.value;
                put(place, { ...row, type: isType(type) ? type : row.type });
              }}
            />
            {row.removed ? (
              <Text size="sm">{words.removed}</Text>
            ) : (
              <ValueField
                row={row}
                label={words.valueOf(name)}
                onChange={(next) => put(place, next)}
              />
            )}
            <Button
              variant="subtle"
              color="gray"
              size="compact-sm"
              aria-label={row.removed ? words.keep(name) : words.remove(name)}
              onClick={() =>
                place < fixed
                  ? put(place, { ...row, removed: !row.removed })
                  : onChange(rows.filter((_, at) => at !== place))
              }
            >
              {row.removed ? "↺" : "×"}
            </Button>
          </div>
        );
      })}
      <Group>
        <Button
          variant="default"
          onClick={() => onChange([...rows, { name: "", type: "text", text: "", removed: false }])}
        >
          {words.add}
        </Button>
      </Group>
      <datalist id={list}>
        {known.map((each) => (
          <option key={each} value={each} />
        ))}
      </datalist>
    </>
  );
}
