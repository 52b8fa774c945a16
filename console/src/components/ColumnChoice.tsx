import { Button, Menu } from "@mantine/core";
import { texts } from "@/texts";
import type { Column } from "./DataTable";
import { useFilter } from "./filters";

/** The columns that are shown: those of the address, else the usual ones, always in one order. */
export function useColumns<Row>(
  all: readonly Column<Row>[],
  usual: readonly string[],
): [Column<Row>[], (keys: readonly string[]) => void] {
  const [chosen, setChosen] = useFilter("columns");
  const keys = chosen === "" ? usual : chosen.split(",");
  const shown = all.filter((column) => keys.includes(column.key));
  return [
    shown.length === 0 ? all.filter((column) => usual.includes(column.key)) : shown,
    (next) => setChosen(isSame(next, usual) ? null : next.join(",")),
  ];
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((key) => other.includes(key));
}

interface ColumnChoiceProps<Row> {
  all: readonly Column<Row>[];
  shown: readonly Column<Row>[];
  onChange: (keys: readonly string[]) => void;
}

/** A menu of the columns, of which one at least is shown. */
export function ColumnChoice<Row>({ all, shown, onChange }: ColumnChoiceProps<Row>) {
  const keys = shown.map((column) => column.key);
  return (
    <Menu closeOnItemClick={false} position="bottom-end">
      <Menu.Target>
        <Button variant="default">{texts.parts.columns}</Button>
      </Menu.Target>
      <Menu.Dropdown>
        {all.map(({ key, title }) => (
          <Menu.CheckboxItem
            key={key}
            checked={keys.includes(key)}
            onChange={() => {
              const next = keys.includes(key)
                ? keys.filter((each) => each !== key)
                : all.map((each) => each.key).filter((each) => each === key || keys.includes(each));
              if (next.length > 0) {
                onChange(next);
              }
            }}
          >
            {title}
          </Menu.CheckboxItem>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
