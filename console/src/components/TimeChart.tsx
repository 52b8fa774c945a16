import "uplot/dist/uPlot.min.css";
import { useComputedColorScheme } from "@mantine/core";
import { useElementSize } from "@mantine/hooks";
import { useEffect, useRef } from "react";
import UPlot from "uplot";
import classes from "./TimeChart.module.css";

export interface Series {
  name: string;
  values: readonly number[];
}

interface TimeChartProps {
  /** What the chart shows, in words: the table beside it holds the same figures. */
  label: string;
  /** The beginnings of the periods. */
  times: readonly Date[];
  series: readonly Series[];
}

const HEIGHT = 160;
const COLOURS = {
  light: { lines: ["#226a61", "#8a5a00", "#46617d", "#6b3fa0"], text: "#5b6563", grid: "#e2e5e4" },
  dark: { lines: ["#56b0a5", "#e6b65c", "#9db8d3", "#c3a5ec"], text: "#9aa5a3", grid: "#33393a" },
} as const;

/** Figures over time as lines. */
export function TimeChart({ label, times, series }: TimeChartProps) {
  const { ref: measured, width } = useElementSize();
  const frame = useRef<HTMLDivElement>(null);
  const colours = COLOURS[useComputedColorScheme("light")];
  useEffect(() => {
    if (frame.current === null || width === 0) {
      return;
    }
    const axis = { stroke: colours.text, grid: { stroke: colours.grid, width: 1 }, size: 40 };
    const chart = new UPlot(
      {
        width,
        height: HEIGHT,
        axes: [
          axis,
          { ...axis, incrs: [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 10_000, 100_000] },
        ],
        scales: { y: { range: (_, __, most) => [0, Math.max(most, 1)] } },
        series: [
          {},
          ...series.map(({ name }, index) => ({
            label: name,
            stroke: colours.lines[index % colours.lines.length] ?? colours.text,
            width: 1.5,
            points: { show: times.length < 60 },
          })),
        ],
      },
      [times.map((time) => time.getTime() / 1000), ...series.map(({ values }) => [...values])],
      frame.current,
    );
    return () => chart.destroy();
  }, [colours, series, times, width]);
  return (
    <div ref={measured} role="img" aria-label={label} className={classes.chart}>
      <div ref={frame} />
    </div>
  );
}
