import { ActionIcon } from "@mantine/core";
import { useRef } from "react";
import { changeThenFocus, changeThenFocusNew } from "@/components/focusing";
import { texts } from "@/texts";
import {
  furtherOperator,
  operatorsBeside,
  withFurtherOperator,
  withoutOperator,
} from "./comparing";
import classes from "./conditions.module.css";
import { useCondition } from "./context";
import { PartField } from "./PartField";
import type { Clause, OperatorPart, Part } from "./parts";
import { clausePieces, textOf } from "./words";

const words = texts.conditions;

function isOperatorPart(part: Part): part is OperatorPart {
  return part.type === "operator";
}

/** The parts of a clause as fields, in the order of the sentence. */
export function ClauseField({ clause, onRemove }: { clause: Clause; onRemove?: () => void }) {
  const { change, value } = useCondition();
  const fields = useRef<HTMLDivElement>(null);
  const operators = clause.parts.filter(isOperatorPart);
  const last = operators.at(-1);
  const beside = last === undefined ? [] : operatorsBeside(value, last);
  const further = last === undefined || last.implied ? null : furtherOperator(beside);
  return (
    <div ref={fields} className={classes.clause}>
      {clause.parts.map((part, place) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: parts stand in a fixed order.
        <PartField key={place} part={part} />
      ))}
      {last !== undefined && beside.length > 1 && (
        <ActionIcon
          variant="subtle"
          color="gray"
          size="sm"
          aria-label={words.removeClause(words.operators[last.operator])}
          onClick={() =>
            changeThenFocus(
              () => change(withoutOperator(value, last)),
              () => fields.current,
            )
          }
        >
          −
        </ActionIcon>
      )}
      {onRemove !== undefined && (
        <ActionIcon
          variant="subtle"
          color="gray"
          size="sm"
          aria-label={words.removeClause(textOf(clausePieces(clause)))}
          onClick={onRemove}
        >
          ×
        </ActionIcon>
      )}
      {last !== undefined && further !== null && (
        <button
          type="button"
          className={classes.offer}
          onClick={() =>
            changeThenFocusNew(fields.current, () =>
              change(withFurtherOperator(value, last.around, further)),
            )
          }
        >
          + {words.further(words.operators[further])}
        </button>
      )}
    </div>
  );
}
