import { BaseEdge, type EdgeProps } from "@xyflow/react";
import type { LineFlowEdge } from "./JourneyGraph";

/** A line from one card to the next, upright and level. */
export function LineEdge({ id, data }: EdgeProps<LineFlowEdge>) {
  const points = data?.line.points ?? [];
  const path = points.map(({ x, y }, index) => `${index === 0 ? "M" : "L"}${x},${y}`).join(" ");
  return <BaseEdge id={id} path={path} interactionWidth={0} />;
}
