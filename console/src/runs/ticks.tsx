import { Checkbox } from "@mantine/core";
import type { Column } from "@/components/DataTable";
import { useFilter } from "@/components/filters";
import { texts } from "@/texts";

const words = texts.runs;

interface Ticked {
  id: string;
  contact: string;
  journey: string;
}

export interface Ticks {
  ids: readonly string[];
  set: (ids: readonly string[]) => void;
}

/** The ids of the ticked runs, which stand in the address. */
export function useTicks(): Ticks {
  const [text, setText] = useFilter("ticked");
  return {
    ids: text === "" ? [] : text.split(","),
    set: (ids) => setText(ids.length === 0 ? null : ids.join(",")),
  };
}

/** The column of boxes, whose head ticks all rows that are shown. */
export function tickColumn<Row extends Ticked>(rows: readonly Row[], ticks: Ticks): Column<Row> {
  const shown = rows.map((row) => row.id);
  const ticked = shown.filter((id) => ticks.ids.includes(id));
  return {
    key: "tick",
    title: words.tickOne,
    narrow: true,
    head: (
      <Checkbox
        size="xs"
        aria-label={words.tickAll}
        checked={shown.length > 0 && ticked.length === shown.length}
        indeterminate={ticked.length > 0 && ticked.length < shown.length}
        onChange={(event) =>
          ticks.set(
            event.currentTarget.checked
              ? [...new Set([...ticks.ids, ...shown])]
              : ticks.ids.filter((id) => !shown.includes(id)),
          )
        }
      />
    ),
    cell: (row) => (
      <Checkbox
        size="xs"
        aria-label={words.tick(row.contact, row.journey)}
        checked={ticks.ids.includes(row.id)}
        onChange={(event) =>
          ticks.set(
            event.currentTarget.checked
              ? [...ticks.ids, row.id]
              : ticks.ids.filter((id) => id !== row.id),
          )
        }
      />
    ),
  };
}
