import { stepKinds } from "@/builder/document/language";
import { texts } from "@/texts";
import { kindName } from "./graph/cardWords";
import type { Dragged } from "./graph/dragging";
import classes from "./palette.module.css";

interface PaletteProps {
  onGrab: (dragged: Dragged, pointer: { x: number; y: number }) => void;
  onChoose: (kind: string) => void;
}

/** The kinds of steps: each is dragged into a place, or inserted by a click. */
export function Palette({ onGrab, onChoose }: PaletteProps) {
  return (
    <section className={classes.palette} aria-label={texts.builder.palette}>
      {stepKinds.map(({ kind, description }) => (
        <button
          key={kind}
          type="button"
          className={classes.kind}
          title={description}
          onPointerDown={(event) => {
            if (event.button === 0) {
              const pointer = { x: event.clientX, y: event.clientY };
              onGrab({ what: "kind", kind, name: kindName(kind) }, pointer);
            }
          }}
          onClick={() => onChoose(kind)}
        >
          {kindName(kind)}
        </button>
      ))}
    </section>
  );
}
