import { NativeSelect, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { answerOf, api } from "@/api/client";
import { type Column, DataTable } from "@/components/DataTable";
import { texts } from "@/texts";
import classes from "./imports.module.css";
import type { ImportColumns, What } from "./options";
import {
  COLUMN_TYPES,
  isColumnType,
  nameIn,
  OUT,
  prefixOf,
  readTarget,
  type Target,
  writeTarget,
} from "./targets";

const words = texts.imports.column;

type Sampled = ImportColumns["columns"][number];

interface MappingTableProps {
  what: What;
  read: ImportColumns;
  /** The targets that were chosen, by the column. */
  map: Readonly<Record<string, string>>;
  onChange: (map: Readonly<Record<string, string>>) => void;
}

/** Each column of a file with values of it, and where it goes: guessed, and chosen by hand. */
export function MappingTable({ what, read, map, onChange }: MappingTableProps) {
  const topics = useTopicKeys(what === "contacts");
  const prefix = prefixOf(what);
  const targetOf = (column: Sampled): Target => {
    const chosen = map[column.name];
    return chosen === undefined ? { target: column.target, type: null } : readTarget(chosen);
  };
  const put = (column: Sampled, target: Target) =>
    onChange({ ...map, [column.name]: writeTarget(target) });
  const columns: readonly Column<Sampled>[] = [
    { key: "name", title: words.name, cell: (column) => column.name },
    {
      key: "examples",
      title: words.examples,
      cell: (column) => (
        <div className={classes.examples} title={column.examples.join("\n")}>
          {column.examples.join(" · ") || texts.parts.none}
        </div>
      ),
    },
    {
      key: "goes",
      title: words.goes,
      cell: (column) => (
        <TargetField
          column={column}
          target={targetOf(column).target}
          targets={read.targets}
          topics={topics}
          prefix={prefix}
          onChange={(target) => put(column, { target, type: null })}
        />
      ),
    },
    {
      key: "type",
      title: words.type,
      cell: (column) => {
        const { target, type } = targetOf(column);
        return target === OUT ? (
          texts.parts.none
        ) : (
          <NativeSelect
            size="xs"
            aria-label={words.typeOf(column.name)}
            value={type ?? column.type}
            data={COLUMN_TYPES.map((each) => ({ value: each, label: words.types[each] }))}
            onChange={(event) => {
              const next = event.currentTarget.value;
              put(column, { target, type: isColumnType(next) ? next : null });
            }}
          />
        );
      },
    },
    {
      key: "how",
      title: words.how,
      cell: (column) =>
        map[column.name] === undefined ? (howWords(column.how) ?? column.how) : words.hows.given,
    },
  ];
  return (
    <DataTable
      label={texts.imports.begin.columns}
      columns={columns}
      rows={read.columns}
      rowKey={(column) => column.name}
    />
  );
}

function howWords(how: string): string | undefined {
  return Object.entries(words.hows).find(([each]) => each === how)?.[1];
}

interface TargetFieldProps {
  column: Sampled;
  target: string;
  targets: readonly string[];
  topics: readonly string[];
  prefix: string | null;
  onChange: (target: string) => void;
}

function TargetField({ column, target, targets, topics, prefix, onChange }: TargetFieldProps) {
  const name = nameIn(target, prefix);
  const shown = name === null ? target : (prefix ?? "");
  const ofTopics = topics.map((key) => `topics.${key}`);
  const known = [OUT, prefix ?? OUT, ...targets, ...ofTopics];
  const own = column.name.replace(/:(text|number|boolean|date|json)$/, "");
  return (
    <div className={classes.target}>
      <NativeSelect
        size="xs"
        aria-label={words.goesOf(column.name)}
        value={shown}
        data={[
          { value: OUT, label: words.out },
          ...(prefix === null
            ? []
            : [
                {
                  value: prefix,
                  label: prefix === "attributes." ? words.attribute : words.property,
                },
              ]),
          ...(known.includes(shown) ? [] : [{ value: shown, label: shown }]),
          {
            group: words.fields,
            items: targets.map((each) => ({ value: each, label: words.targets[each] ?? each })),
          },
          ...(ofTopics.length === 0
            ? []
            : [
                {
                  group: words.topics,
                  items: ofTopics.map((each) => ({ value: each, label: each })),
                },
              ]),
        ]}
        onChange={(event) => {
          const next = event.currentTarget.value;
          onChange(next === prefix ? `${prefix}${own}` : next);
        }}
      />
      {name !== null && (
        <TextInput
          size="xs"
          aria-label={words.named(column.name)}
          value={name}
          maxLength={200}
          onChange={(event) => onChange(`${prefix}${event.currentTarget.value}`)}
        />
      )}
    </div>
  );
}

function useTopicKeys(wanted: boolean): readonly string[] {
  const read = useQuery({
    queryKey: ["topics", "keys"],
    queryFn: () => answerOf(api.GET("/v1/topics", { params: { query: { limit: 500 } } })),
    select: ({ items }) => items.map((each) => each.key),
    enabled: wanted,
    staleTime: 60_000,
  });
  return read.data ?? [];
}
