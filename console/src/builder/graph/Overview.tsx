import { useReactFlow, useStore } from "@xyflow/react";
import { memo, type PointerEvent, useRef } from "react";
import type { Card, Layout } from "@/builder/layout/cards";
import { texts } from "@/texts";
import classes from "./graph.module.css";

const WIDTH = 200;
const HEIGHT = 150;
/** A graph of fewer views than this in both directions needs no overview, which would cover it. */
const FEW = 1.5;
/** Of what the whole graph takes, the view may be as small as this; then it shows a part only. */
const LEAST = 0.02;

function boxes(cards: readonly Card[]): string {
  return cards
    .filter((card) => card.type !== "join")
    .map(({ x, y, width, height }) => `M${x},${y}h${width}v${height}h${-width}z`)
    .join("");
}

interface OverviewProps {
  layout: Layout;
  selected: ReadonlySet<string>;
}

/** The whole graph in small, if it is long: a press or a drag there moves the view. */
export function Overview({ layout, selected }: OverviewProps) {
  const flow = useReactFlow();
  const frame = useRef<SVGSVGElement>(null);
  const view = useStore((state) => state.transform.join(" "));
  const size = useStore((state) => `${state.width} ${state.height}`);
  const [x = 0, y = 0, zoom = 1] = view.split(" ").map(Number);
  const [width = 0, height = 0] = size.split(" ").map(Number);
  const { left, top, right, bottom } = layout.bounds;
  const wide = right - left + 80;
  const high = bottom - top + 80;
  if (wide * zoom <= width * FEW && high * zoom <= height * FEW) {
    return null;
  }
  const scale = Math.max(Math.min(WIDTH / wide, HEIGHT / high), LEAST);
  // A graph that is much higher than it is wide is shown around what is in view.
  const part = { width: WIDTH / scale, height: HEIGHT / scale };
  const seen = { x: -x / zoom, y: -y / zoom, width: width / zoom, height: height / zoom };
  const from = {
    x: start(left - 40, wide, part.width, seen.x + seen.width / 2),
    y: start(top - 40, high, part.height, seen.y + seen.height / 2),
  };

  function look(event: PointerEvent) {
    const bounds = frame.current?.getBoundingClientRect();
    if (bounds !== undefined && event.buttons === 1) {
      void flow.setCenter(
        from.x + (event.clientX - bounds.left) / scale,
        from.y + (event.clientY - bounds.top) / scale,
        { zoom },
      );
    }
  }
  return (
    <svg
      ref={frame}
      className={classes.overview}
      width={WIDTH}
      height={HEIGHT}
      viewBox={`${from.x} ${from.y} ${part.width} ${part.height}`}
      role="img"
      aria-label={texts.builder.minimap}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        look(event);
      }}
      onPointerMove={look}
    >
      <Boxes cards={layout.cards} />
      <path
        className={classes.chosen}
        d={boxes(layout.cards.filter((card) => selected.has(card.key)))}
      />
      <rect className={classes.seen} {...seen} strokeWidth={1.5 / scale} pointerEvents="none" />
    </svg>
  );
}

/** Where a part of a line begins that has its middle at `middle`, as far as the line allows. */
function start(from: number, whole: number, part: number, middle: number): number {
  if (whole <= part) {
    return from - (part - whole) / 2;
  }
  return Math.min(Math.max(middle - part / 2, from), from + whole - part);
}

const Boxes = memo(function Boxes({ cards }: { cards: readonly Card[] }) {
  return <path className={classes.boxes} d={boxes(cards)} />;
});
