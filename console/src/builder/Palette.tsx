import { stepKinds } from "@/builder/document/language";
import { Toolbar } from "@/components/Toolbar";
import { texts } from "@/texts";
import { kindName } from "./graph/cardWords";
import type { Dragged } from "./graph/dragging";
import classes from "./palette.module.css";

interface PaletteProps {
  onGrab: (dragged: Dragged, pointer: { x: number; y: number }) => void;
  onChoose: (kind: string) => void;
  /** The names of ready journeys, whose steps can be put into this one. */
  fragments: readonly string[];
  onChooseFragment: (fragment: string) => void;
}

/** The kinds of steps: each is dragged into a place, or inserted by a click. */
export function Palette({ onGrab, onChoose, fragments, onChooseFragment }: PaletteProps) {
  return (
    <section className={classes.aside} aria-label={texts.builder.palette}>
      <Toolbar label={texts.builder.palette} vertical className={classes.palette}>
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
        {fragments.length > 0 && (
          <details className={classes.fragments}>
            <summary>{texts.builder.fragments}</summary>
            {fragments.map((fragment) => (
              <button
                key={fragment}
                type="button"
                className={classes.kind}
                title={texts.builder.stepsOf(fragment)}
                onPointerDown={(event) => {
                  if (event.button === 0) {
                    const pointer = { x: event.clientX, y: event.clientY };
                    onGrab({ what: "fragment", fragment, name: fragment }, pointer);
                  }
                }}
                onClick={() => onChooseFragment(fragment)}
              >
                {fragment}
              </button>
            ))}
          </details>
        )}
      </Toolbar>
    </section>
  );
}
