import { useElementSize } from "@mantine/hooks";
import { figure } from "./figures";
import classes from "./HourBars.module.css";

export interface BarPart {
  name: string;
  count: number;
}

export interface HourBar {
  /** When the hour begins, in words. */
  label: string;
  /** A short form for the axis. */
  tick: string;
  parts: readonly BarPart[];
}

interface HourBarsProps {
  /** What is shown, in words, for those who cannot see it; a table has the same figures. */
  label: string;
  bars: readonly HourBar[];
  /** The names in the order in which they are stacked. */
  names: readonly string[];
  words: (bar: HourBar, total: number) => string;
}

const HEIGHT = 160;
const AXIS = 20;
const LEFT = 48;
const TICK_WIDTH = 48;
const SHADES = 6;

function totalOf(bar: HourBar): number {
  return bar.parts.reduce((sum, part) => sum + part.count, 0);
}

/** Numbers by hour as bars, each stacked by name in shades of the accent. */
export function HourBars({ label, bars, names, words }: HourBarsProps) {
  const { ref, width } = useElementSize();
  const most = Math.max(1, ...bars.map(totalOf));
  const step = Math.max(0, (width - LEFT) / Math.max(bars.length, 1));
  const every = Math.max(1, Math.ceil(TICK_WIDTH / Math.max(step, 1)));
  return (
    <div ref={ref} className={classes.frame}>
      {names.length > 1 && (
        <ul className={classes.legend}>
          {names.map((name, index) => (
            <li key={name} data-shade={index % SHADES}>
              {name}
            </li>
          ))}
        </ul>
      )}
      {width > 0 && (
        <svg width={width} height={HEIGHT + AXIS} role="img" aria-label={label}>
          <title>{label}</title>
          <line x1={LEFT} x2={width} y1={HEIGHT} y2={HEIGHT} className={classes.axis} />
          <line x1={LEFT} x2={width} y1={8} y2={8} className={classes.axis} />
          <text x={LEFT - 8} y={12} textAnchor="end" className={classes.text}>
            {figure(most)}
          </text>
          <text x={LEFT - 8} y={HEIGHT} textAnchor="end" className={classes.text}>
            0
          </text>
          {bars.map((bar, index) => (
            <Bar
              key={bar.label}
              bar={bar}
              names={names}
              x={LEFT + index * step}
              step={step}
              most={most}
              title={words(bar, totalOf(bar))}
              tick={index % every === 0 && width - LEFT - index * step >= TICK_WIDTH - 8}
            />
          ))}
        </svg>
      )}
    </div>
  );
}

interface BarProps {
  bar: HourBar;
  names: readonly string[];
  x: number;
  step: number;
  most: number;
  title: string;
  tick: boolean;
}

function Bar({ bar, names, x, step, most, title, tick }: BarProps) {
  const room = HEIGHT - 8;
  let y = HEIGHT;
  return (
    <g>
      <title>{title}</title>
      <rect x={x} y={8} width={step} height={room} className={classes.room} />
      {bar.parts.map((part) => {
        const height = (part.count / most) * room;
        y -= height;
        return (
          <rect
            key={part.name}
            x={x + 1}
            y={y}
            width={Math.max(step - 2, 1)}
            height={Math.max(height, 1)}
            className={classes.part}
            data-shade={names.indexOf(part.name) % SHADES}
          />
        );
      })}
      {tick && (
        <text x={x} y={HEIGHT + 14} className={classes.text}>
          {bar.tick}
        </text>
      )}
    </g>
  );
}
