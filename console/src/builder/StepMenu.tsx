import { Modal } from "@mantine/core";
import { stepKinds } from "@/builder/document/language";
import { Toolbar } from "@/components/Toolbar";
import { texts } from "@/texts";
import { kindName } from "./graph/cardWords";
import classes from "./palette.module.css";

interface StepMenuProps {
  onChoose: (kind: string) => void;
  onClose: () => void;
}

/** The kinds of steps to insert at a place: the same as in the palette, without dragging. */
export function StepMenu({ onChoose, onClose }: StepMenuProps) {
  return (
    <Modal opened onClose={onClose} title={texts.builder.chooseStep} size="sm">
      <Toolbar label={texts.builder.palette} vertical className={classes.palette}>
        {stepKinds.map(({ kind, description }, place) => (
          <button
            key={kind}
            type="button"
            className={classes.kind}
            data-autofocus={place === 0 || undefined}
            title={description}
            onClick={() => onChoose(kind)}
          >
            {kindName(kind)} <span className="quiet">{description}</span>
          </button>
        ))}
      </Toolbar>
    </Modal>
  );
}
