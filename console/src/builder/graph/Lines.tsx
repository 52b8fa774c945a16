import { ViewportPortal } from "@xyflow/react";
import { memo } from "react";
import type { Edge } from "@/builder/layout/cards";
import classes from "./graph.module.css";

/** The lines between all cards. They are one path: a thousand of them cost what one does. */
export const Lines = memo(function Lines({ edges }: { edges: readonly Edge[] }) {
  const path = edges
    .map(({ points }) =>
      points.map(({ x, y }, index) => `${index === 0 ? "M" : "L"}${x},${y}`).join(""),
    )
    .join("");
  return (
    <ViewportPortal>
      <svg className={classes.lines} aria-hidden="true">
        <path d={path} />
      </svg>
    </ViewportPortal>
  );
});
