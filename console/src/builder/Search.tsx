import { TextInput } from "@mantine/core";
import { type KeyboardEvent, useId, useMemo, useState } from "react";
import type { Outline } from "@/builder/document/outline";
import { texts } from "@/texts";
import type { EngineWords } from "./graph/cardWords";
import { lineOf } from "./lineWords";
import classes from "./search.module.css";
import { choices } from "./selecting";

const words = texts.builder;
const MOST = 30;
/** The field, for the key that leads to it. */
export const SEARCH = "builder-search";

interface SearchProps {
  outline: Outline | null;
  engine: EngineWords;
  onFind: (key: string) => void;
}

/** Finds cards by all that stands on them: names, words, conditions, ways. */
export function Search({ outline, engine, onFind }: SearchProps) {
  const [text, setText] = useState("");
  const [open, setOpen] = useState(false);
  const [at, setAt] = useState(0);
  const id = useId();
  const lines = useMemo(
    () =>
      open && outline !== null
        ? choices(outline).map((each) => ({ key: each.key, line: lineOf(each, engine) }))
        : [],
    [engine, outline, open],
  );
  const wanted = text.trim().toLowerCase();
  const found = lines.filter(({ line }) => line.toLowerCase().includes(wanted)).slice(0, MOST);
  // What is shown is what Enter takes: there is no moment in which a list has no chosen line.
  const chosen = Math.max(0, Math.min(at, found.length - 1));

  function close() {
    setOpen(false);
    setText("");
    setAt(0);
  }
  function take(place: number) {
    const line = found[place];
    if (line !== undefined) {
      close();
      onFind(line.key);
    }
  }
  function steer(event: KeyboardEvent) {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : -1;
      setAt(open ? (chosen + step + found.length) % Math.max(found.length, 1) : 0);
      setOpen(true);
    } else if (event.key === "Enter") {
      event.preventDefault();
      take(chosen);
    } else if (event.key === "Escape") {
      close();
    }
  }
  return (
    <div className={classes.search}>
      <TextInput
        id={SEARCH}
        size="xs"
        value={text}
        placeholder={words.find}
        aria-label={words.find}
        aria-keyshortcuts="Control+F"
        role="combobox"
        aria-autocomplete="list"
        aria-expanded={open}
        aria-controls={open ? id : undefined}
        aria-activedescendant={open && found.length > 0 ? `${id}-${chosen}` : undefined}
        autoComplete="off"
        onFocus={() => setOpen(true)}
        onClick={() => setOpen(true)}
        onBlur={close}
        onChange={(event) => {
          setText(event.currentTarget.value);
          setAt(0);
          setOpen(true);
        }}
        onKeyDown={steer}
      />
      {open && (
        <div id={id} role="listbox" aria-label={words.find} className={classes.list}>
          {found.map(({ key, line }, place) => (
            // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are those of the field above.
            <div
              key={key}
              id={`${id}-${place}`}
              ref={place === chosen ? (each) => each?.scrollIntoView({ block: "nearest" }) : null}
              role="option"
              tabIndex={-1}
              aria-selected={place === chosen}
              className={classes.option}
              // The field keeps the focus, which would close the list.
              onMouseDown={(event) => event.preventDefault()}
              onClick={() => take(place)}
            >
              {line}
            </div>
          ))}
        </div>
      )}
      {open && found.length === 0 && (
        <div role="status" className={classes.none}>
          {words.noneFound}
        </div>
      )}
    </div>
  );
}
