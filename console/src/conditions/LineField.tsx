import { Button } from "@mantine/core";
import { useEffect, useRef, useState } from "react";
import type { Path } from "@/builder/document/reading";
import { isValueMap } from "@/builder/document/values";
import { changeThenFocus, changeThenFocusNew } from "@/components/focusing";
import { texts } from "@/texts";
import { ClauseField } from "./ClauseField";
import { type Addition, additionsOf, withAddition, withoutClause } from "./changing";
import { at } from "./comparing";
import classes from "./conditions.module.css";
import { lineKey, useCondition } from "./context";
import type { Line } from "./parts";
import { RemoveButton } from "./RemoveButton";
import { Sentence } from "./Sentence";
import { linePieces, textOf } from "./words";

const words = texts.conditions;

interface LineFieldProps {
  line: Line;
  path: Path;
  onRemove?: () => void;
}

/** One condition: words, or while it is being changed its parts as fields. */
export function LineField({ line, path, onRemove }: LineFieldProps) {
  const { open, readOnly, setOpen } = useCondition();
  const isOpen = open === lineKey(path);
  const wasOpen = useRef(false);
  const button = useRef<HTMLButtonElement>(null);
  const pieces = linePieces(line);
  const said = textOf(pieces);
  useEffect(() => {
    if (wasOpen.current && !isOpen) {
      button.current?.focus();
    }
    wasOpen.current = isOpen;
  }, [isOpen]);
  if (isOpen) {
    return <OpenLine line={line} path={path} said={said} />;
  }
  return (
    <div className={classes.line}>
      {readOnly ? (
        <p className={classes.said}>
          <Sentence pieces={pieces} />
        </p>
      ) : (
        <button
          ref={button}
          type="button"
          className={classes.said}
          aria-label={words.edit(said)}
          onClick={() => setOpen(path)}
        >
          <Sentence pieces={pieces} />
        </button>
      )}
      {!readOnly && onRemove !== undefined && <RemoveButton what={said} onRemove={onRemove} />}
    </div>
  );
}

/** What is offered first; the rest is one step further. */
const LIKELY: ReadonlySet<Addition> = new Set(["within", "where", "property"]);

function OpenLine({ line, path, said }: { line: Line; path: Path; said: string }) {
  const { change, setOpen, value } = useCondition();
  const fields = useRef<HTMLFieldSetElement>(null);
  useEffect(() => {
    fields.current?.querySelector<HTMLElement>("input, select")?.focus();
  }, []);
  const own = at(value, path);
  const [more, setMore] = useState(false);
  const all = isValueMap(own) ? additionsOf(line.kind, own) : [];
  const additions = more ? all : all.filter((each) => LIKELY.has(each));
  return (
    <fieldset
      ref={fields}
      className={classes.open}
      aria-label={words.editing(said)}
      onKeyDown={(event) => {
        const list = event.target instanceof HTMLElement && event.target.ariaExpanded === "true";
        if (event.key === "Escape" && !list) {
          event.stopPropagation();
          setOpen(null);
        }
      }}
    >
      {line.clauses.map((clause, place) => (
        <ClauseField
          // biome-ignore lint/suspicious/noArrayIndexKey: a property may get another name.
          key={place}
          clause={clause}
          {...(clause.removable
            ? {
                onRemove: () =>
                  changeThenFocus(
                    () => change(withoutClause(value, clause, path)),
                    () => fields.current?.children[Math.max(place - 1, 0)],
                  ),
              }
            : {})}
        />
      ))}
      <div className={classes.additions}>
        {additions.map((each) => (
          <button
            key={each}
            type="button"
            className={classes.offer}
            onClick={() =>
              changeThenFocusNew(fields.current, () => change(withAddition(value, path, each)))
            }
          >
            + {words.additions[each]}
          </button>
        ))}
        {additions.length < all.length && (
          <button
            type="button"
            className={classes.offer}
            onClick={() => changeThenFocusNew(fields.current, () => setMore(true))}
          >
            {words.more}
          </button>
        )}
        <Button variant="default" size="compact-xs" onClick={() => setOpen(null)}>
          {words.done}
        </Button>
      </div>
    </fieldset>
  );
}
