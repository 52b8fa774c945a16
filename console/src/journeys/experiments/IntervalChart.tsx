import { useElementSize } from "@mantine/hooks";
import classes from "./intervals.module.css";
import type { Bounds } from "./numbers";

export interface IntervalRow {
  name: string;
  value: number | null;
  interval: Bounds | null;
  marked?: boolean;
}

interface IntervalChartProps {
  /** What is shown, in words; the table beside it has the same figures. */
  label: string;
  rows: readonly IntervalRow[];
  written: (value: number) => string;
}

const ROW = 28;
const AXIS = 22;
const LEFT = 120;
const RIGHT = 16;
const TICKS = 4;

/** A round number of at least `most`, which the axis ends with. */
export function roundEnd(most: number): number {
  if (most <= 0) {
    return 1;
  }
  const power = 10 ** Math.floor(Math.log10(most));
  return (
    [1, 1.5, 2, 3, 4, 5, 6, 8, 10]
      .map((each) => Number((each * power).toPrecision(6)))
      .find((each) => each >= most) ?? most
  );
}

/** Rates or means as points, each with its interval, on one axis from 0. */
export function IntervalChart({ label, rows, written }: IntervalChartProps) {
  const { ref, width } = useElementSize();
  const most = Math.max(0, ...rows.map((row) => row.interval?.high ?? row.value ?? 0));
  const end = roundEnd(most);
  const room = Math.max(0, width - LEFT - RIGHT);
  const x = (value: number) => LEFT + (Math.max(0, value) / end) * room;
  const height = rows.length * ROW;
  return (
    <div ref={ref} className={classes.frame}>
      {width > LEFT && (
        <svg width={width} height={height + AXIS} role="img" aria-label={label}>
          {Array.from({ length: TICKS + 1 }, (_, tick) => (tick / TICKS) * end).map((value) => (
            <g key={value}>
              <line x1={x(value)} x2={x(value)} y1={0} y2={height} className={classes.grid} />
              <text x={x(value)} y={height + 16} textAnchor="middle" className={classes.text}>
                {written(value)}
              </text>
            </g>
          ))}
          {rows.map((row, index) => {
            const y = index * ROW + ROW / 2;
            return (
              <g key={row.name} data-marked={row.marked || undefined} className={classes.row}>
                <text x={LEFT - 12} y={y + 4} textAnchor="end" className={classes.name}>
                  {row.name.length > 16 ? `${row.name.slice(0, 15)}…` : row.name}
                </text>
                {row.interval !== null && (
                  <line
                    x1={x(row.interval.low ?? 0)}
                    x2={x(row.interval.high ?? end)}
                    y1={y}
                    y2={y}
                    className={classes.interval}
                  />
                )}
                {row.value !== null && <circle cx={x(row.value)} cy={y} r={5} />}
              </g>
            );
          })}
        </svg>
      )}
    </div>
  );
}
