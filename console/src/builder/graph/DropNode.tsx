import type { NodeProps } from "@xyflow/react";
import { texts } from "@/texts";
import classes from "./graph.module.css";
import { useGraph } from "./graphContext";
import { Handles } from "./Handles";
import type { DropFlowNode } from "./JourneyGraph";

/** A place between two cards: a drop there, or a click on its plus, inserts a step. */
export function DropNode({ data: { place } }: NodeProps<DropFlowNode>) {
  const { drag, onInsert, readOnly } = useGraph();
  if (readOnly) {
    return <Handles />;
  }
  return (
    <>
      <Handles />
      <button
        type="button"
        className={classes.drop}
        data-target={drag?.target?.key === place.key || undefined}
        data-open={drag !== null || undefined}
        aria-label={texts.builder.insertHere}
        title={texts.builder.insertHere}
        tabIndex={-1}
        onClick={() => onInsert(place)}
      >
        +
      </button>
    </>
  );
}
