import { Autocomplete } from "@mantine/core";
import { useState } from "react";
import { useNames } from "@/builder/panel/names";
import { texts } from "@/texts";
import { useAttributes, useEventProperties } from "./catalog";
import { useCondition } from "./context";
import type { Names } from "./parts";

const words = texts.conditions;

interface NameFieldProps {
  names: Names;
  /** Of a property: the event that has it; without one, the event that begins the journey. */
  event?: string;
  value: string;
  onChange: (name: string) => void;
}

/** The name of a thing: chosen from those that exist, or typed when it is new. */
export function NameField({ names, event, value, onChange }: NameFieldProps) {
  const { entryEvents, steps } = useCondition();
  const [typed, setTyped] = useState<string | null>(null);
  const kind = names === "properties" || names === "attributes" ? undefined : names;
  const attributes = useAttributes(names === "attributes");
  const found = useNames(kind, steps);
  const loaded = found.length > 0;
  const properties = useEventProperties(
    names === "properties" ? (event ?? entryEvents[0] ?? "") : "",
  );
  const entries = names === "attributes" ? attributes : properties;
  const data = kind === undefined ? entries.map((each) => each.name) : found;
  const unknown = names === "events" && value !== "" && loaded && !found.includes(value);
  const take = (text: string) => {
    setTyped(null);
    if (text !== value) {
      onChange(text);
    }
  };
  return (
    <Autocomplete
      size="xs"
      w={172}
      limit={50}
      aria-label={words.labels[names]}
      placeholder={words.labels[names]}
      data={[...new Set(data)]}
      inputWrapperOrder={["input", "description"]}
      description={unknown ? texts.fields.missing.events : undefined}
      value={typed ?? value}
      // A property takes its name once it is written: it would be another one with each letter.
      onChange={(text) => (names === "properties" ? setTyped(text) : onChange(text))}
      onOptionSubmit={take}
      onBlur={() => typed !== null && take(typed)}
      onKeyDown={(pressed) => pressed.key === "Enter" && typed !== null && take(typed)}
    />
  );
}
