import { Text } from "@mantine/core";
import { Fragment, type ReactNode } from "react";
import { texts } from "@/texts";
import classes from "./DataTable.module.css";

export interface Column<Row> {
  key: string;
  title: string;
  /** What stands at the head instead of the title, such as a box that ticks all rows. */
  head?: ReactNode;
  cell: (row: Row) => ReactNode;
  /** Set right-aligned, with figures of one width. */
  number?: boolean;
  /** As wide as its content, such as a box to tick. */
  narrow?: boolean;
  /** How much of the width it takes, in percent, so that tables below each other agree. */
  share?: number;
  /** A button that says itself what it does: it has no name before it on a narrow screen. */
  act?: boolean;
}

interface DataTableProps<Row> {
  /** What the table shows, for those who cannot see it. */
  label: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  rowKey: (row: Row) => string;
  empty?: ReactNode;
  /** Whether a row is marked, such as the one whose details stand beside. */
  marked?: (row: Row) => boolean;
  /** What stands below a row in full width, such as its details while they are open. */
  detail?: (row: Row) => ReactNode;
}

/** So many figures in a row stand two in a line on a narrow screen. */
const MANY = 4;

function classOf<Row>({ number, narrow }: Column<Row>): string | undefined {
  return number ? "number" : narrow ? "narrow" : undefined;
}

/**
 * A table with hairlines. On a narrow screen each row becomes a list of its cells under the first
 * one, if there are more than two.
 */
export function DataTable<Row>({
  label,
  columns,
  rows,
  rowKey,
  empty,
  marked,
  detail,
}: DataTableProps<Row>) {
  if (rows.length === 0) {
    return (
      <Text component="div" className="quiet" py="md">
        {empty ?? texts.parts.empty}
      </Text>
    );
  }
  const stacked = columns.length > 2;
  const heading = columns.find(({ narrow }) => !narrow)?.key;
  const dense = columns.filter(({ number }) => number).length >= MANY;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls is reached by keyboard.
    <section className={classes.scroller} aria-label={label} tabIndex={0}>
      <table
        className={stacked ? `${classes.table} ${classes.stacked}` : classes.table}
        data-dense={dense || undefined}
      >
        <thead>
          <tr>
            {columns.map((column) => (
              <th
                key={column.key}
                scope="col"
                className={classOf(column)}
                style={column.share === undefined ? undefined : { width: `${column.share}%` }}
              >
                {column.head ?? column.title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => {
            const below = detail?.(row);
            return (
              <Fragment key={rowKey(row)}>
                <tr data-marked={marked?.(row) || undefined}>
                  {columns.map((column) => {
                    const cell = column.cell(row);
                    return (
                      <td
                        key={column.key}
                        data-title={column.act ? undefined : column.title}
                        data-heading={column.key === heading || undefined}
                        data-none={cell === texts.parts.none || undefined}
                        className={classOf(column)}
                      >
                        <div>{cell}</div>
                      </td>
                    );
                  })}
                </tr>
                {below !== undefined && below !== null && below !== false && (
                  <tr className={classes.detail}>
                    <td colSpan={columns.length}>{below}</td>
                  </tr>
                )}
              </Fragment>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}
