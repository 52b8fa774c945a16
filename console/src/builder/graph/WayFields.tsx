import { type FocusEvent, type KeyboardEvent, useState } from "react";
import type { Card } from "@/builder/layout/cards";
import { texts } from "@/texts";
import classes from "./graph.module.css";
import { useGraph } from "./graphContext";

const words = texts.builder;

interface WayFieldsProps {
  card: Card & { type: "way" };
  onDone: () => void;
}

/** The name of a way and the weight of an arm, edited where they stand. */
export function WayFields({ card: { key, way }, onDone }: WayFieldsProps) {
  const { onChangeWay } = useGraph();
  const [name, setName] = useState(way.name);
  const [weight, setWeight] = useState(way.weight === null ? "" : String(way.weight));
  const [gone, setGone] = useState(false);

  function leave(keep: boolean) {
    if (gone) {
      return;
    }
    setGone(true);
    const number = Number(weight.replace(",", ".").replace("%", ""));
    if (keep) {
      const wanted = way.weight !== null && number > 0 ? number : null;
      onChangeWay(way, name.trim() === "" ? way.name : name.trim(), wanted);
    }
    onDone();
  }
  function onKeyDown(event: KeyboardEvent) {
    event.stopPropagation();
    if (event.key === "Enter" || event.key === "Escape") {
      event.preventDefault();
      leave(event.key === "Enter");
    }
  }
  function onBlur(event: FocusEvent) {
    if (!event.currentTarget.contains(event.relatedTarget)) {
      leave(true);
    }
  }
  return (
    // biome-ignore lint/a11y/useSemanticElements: fields on a card are no form of their own.
    <div
      role="group"
      aria-label={words.wayFields(way.name)}
      className={`${classes.card} ${classes.fields} nodrag nopan`}
      data-kind="way"
      data-card={key}
      data-selected
      onKeyDown={onKeyDown}
      onBlur={onBlur}
    >
      <input
        // biome-ignore lint/a11y/noAutofocus: one has just asked to edit it.
        autoFocus
        aria-label={words.wayName}
        value={name}
        maxLength={64}
        onFocus={(event) => event.currentTarget.select()}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      {way.weight !== null && (
        <input
          aria-label={words.weight}
          title={words.weight}
          inputMode="decimal"
          value={weight}
          onFocus={(event) => event.currentTarget.select()}
          onChange={(event) => setWeight(event.currentTarget.value)}
        />
      )}
    </div>
  );
}
