import { ActionIcon, Autocomplete, NativeSelect } from "@mantine/core";
import { useState } from "react";
import type { Value } from "@/builder/document/values";
import { isValueMap } from "@/builder/document/values";
import { changeThenFocusNew } from "@/components/focusing";
import { texts } from "@/texts";
import { replaced } from "./comparing";
import { useCondition } from "./context";
import { NameField } from "./NameField";
import type { OperandPart } from "./parts";
import { shownValue, typedValue } from "./scalarTexts";
import { useTypes } from "./types";

const words = texts.conditions;

type Source = keyof typeof words.references;

function sourceOf(value: Value): Source {
  if (!isValueMap(value)) {
    return "value";
  }
  return "attribute" in value ? "attribute" : "step" in value ? "step" : "entry";
}

const BEGINNINGS: Readonly<Record<Source, Value>> = {
  value: "",
  attribute: { attribute: "" },
  entry: { entry: "" },
  step: { step: "", property: "" },
};

/** What is compared with: a value of the right type, or a reference to one. */
export function OperandField({ part }: { part: OperandPart }) {
  const { change, inJourney, value: root } = useCondition();
  const source = sourceOf(part.value);
  const [asked, setAsked] = useState(false);
  const sources: readonly Source[] = inJourney
    ? ["value", "attribute", "entry", "step"]
    : ["value", "attribute"];
  const set = (value: Value, typing = true) => change(replaced(root, part.at, value), typing);
  return (
    <>
      {(asked || source !== "value") && (
        <NativeSelect
          size="xs"
          aria-label={words.from}
          value={source}
          data={sources.map((each) => ({ value: each, label: words.references[each] }))}
          onChange={(event) => set(BEGINNINGS[event.currentTarget.value as Source], false)}
        />
      )}
      {isValueMap(part.value) ? (
        <ReferenceFields part={part} value={part.value} />
      ) : (
        <ScalarFields part={part} onChange={set} />
      )}
      {!asked && source === "value" && part.subject.of !== "number" && (
        <ActionIcon
          variant="subtle"
          color="gray"
          size="sm"
          aria-label={words.from}
          title={words.from}
          onClick={(event) =>
            changeThenFocusNew(event.currentTarget.parentElement, () => setAsked(true))
          }
        >
          ⋯
        </ActionIcon>
      )}
    </>
  );
}

function ReferenceFields({
  part,
  value,
}: {
  part: OperandPart;
  value: { readonly [key: string]: Value };
}) {
  const { change, value: root } = useCondition();
  return Object.entries(value).map(([key, name]) => (
    <NameField
      key={key}
      names={key === "attribute" ? "attributes" : key === "step" ? "steps" : "properties"}
      {...(key === "property" ? { event: "" } : {})}
      value={String(name)}
      onChange={(next) => change(replaced(root, [...part.at, key], next), true)}
    />
  ));
}

interface ScalarFieldsProps {
  part: OperandPart;
  onChange: (value: Value) => void;
}

function ScalarFields({ part, onChange }: ScalarFieldsProps) {
  const { entryEvents } = useCondition();
  const { examples, types } = useTypes(part.subject, entryEvents);
  const value = isValueMap(part.value) || Array.isArray(part.value) ? "" : part.value;
  const single = value as string | number | boolean | null;
  if (types.length === 1 && types[0] === "truth") {
    return (
      <NativeSelect
        size="xs"
        aria-label={words.labels.value}
        value={String(single)}
        data={[
          ...(typeof single === "boolean" ? [] : [{ value: String(single), label: words.empty }]),
          { value: "true", label: words.truth.true },
          { value: "false", label: words.truth.false },
        ]}
        onChange={(event) => onChange(event.currentTarget.value === "true")}
      />
    );
  }
  return (
    <Autocomplete
      size="xs"
      w={148}
      aria-label={words.labels.value}
      placeholder={words.labels.value}
      {...(types.length === 1 && types[0] === "number" ? { inputMode: "decimal" as const } : {})}
      data={[...new Set(examples.map((each) => shownValue(each, types)))]}
      value={single === "" ? "" : shownValue(single, types)}
      onChange={(text) => onChange(typedValue(text, types))}
    />
  );
}
