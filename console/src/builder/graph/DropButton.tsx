import type { DropPlace } from "@/builder/layout/cards";
import { texts } from "@/texts";
import classes from "./graph.module.css";
import { useGraph } from "./graphContext";

/** The place below a card: a drop there, or a click on its plus, inserts a step. */
export function DropButton({ place }: { place: DropPlace }) {
  const { drag, onInsert, readOnly } = useGraph();
  if (readOnly) {
    return null;
  }
  return (
    <button
      type="button"
      className={`${classes.drop} nodrag nopan`}
      data-target={drag?.target?.key === place.key || undefined}
      data-open={drag !== null || undefined}
      aria-label={texts.builder.insertHere}
      title={texts.builder.insertHere}
      tabIndex={-1}
      onClick={() => onInsert(place)}
    >
      +
    </button>
  );
}
