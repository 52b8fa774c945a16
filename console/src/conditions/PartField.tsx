import { NativeSelect, TextInput } from "@mantine/core";
import { DurationField } from "@/moments/DurationField";
import { CONDITION_FORMS, MomentField, OUTSIDE_FORMS } from "@/moments/MomentField";
import { texts } from "@/texts";
import { withProperty } from "./changing";
import { choiceOf, type OperatorChoice, replaced, withOperator } from "./comparing";
import { useCondition } from "./context";
import { KeptParts } from "./KeptParts";
import { ListField } from "./ListField";
import { NameField } from "./NameField";
import { OperandField } from "./OperandField";
import { operatorsFor } from "./operators";
import type { ChoicePart, NumberPart, OperatorPart, Part } from "./parts";
import { typedValue } from "./scalarTexts";
import { TimesField } from "./TimesField";
import { useTypes } from "./types";

const words = texts.conditions;

/** The field of a part; a word stands as it is. */
export function PartField({ part }: { part: Part }) {
  const { change, inJourney, steps, value } = useCondition();
  switch (part.type) {
    case "word":
      return <span>{words.words[part.word]}</span>;
    case "name":
      return (
        <NameField
          names={part.names}
          value={part.value}
          onChange={(name) => change(replaced(value, part.at, name), true)}
        />
      );
    case "property":
      return (
        <NameField
          names="properties"
          event={part.event}
          value={part.key}
          onChange={(key) => change(withProperty(value, part, key), true)}
        />
      );
    case "choice":
      return <ChoiceField part={part} />;
    case "times":
      return <TimesField part={part} />;
    case "operator":
      return <OperatorField part={part} />;
    case "operand":
      return <OperandField part={part} />;
    case "list":
      return <ListField part={part} />;
    case "moment":
      return (
        <MomentField
          inline
          label={words.labels.value}
          value={part.value}
          forms={inJourney ? CONDITION_FORMS : OUTSIDE_FORMS}
          steps={steps}
          onChange={(next, typing) => change(replaced(value, part.at, next), typing)}
        />
      );
    case "duration":
      return (
        <DurationField
          inline
          label={words.words.within}
          value={part.value}
          onChange={(next) => change(replaced(value, part.at, next), true)}
        />
      );
    case "number":
      return <NumberField part={part} />;
    case "kept":
      return <KeptParts parts={[part]} />;
  }
}

function ChoiceField({ part }: { part: ChoicePart }) {
  const { change, value } = useCondition();
  const options = Object.entries(words[part.choice]).map(([key, label]) => ({ value: key, label }));
  const known = options.some((each) => each.value === part.value);
  return (
    <NativeSelect
      size="xs"
      aria-label={words.labels[part.choice]}
      value={part.value}
      data={known ? options : [...options, { value: part.value, label: part.value }]}
      onChange={(event) => change(replaced(value, part.at, event.currentTarget.value))}
    />
  );
}

function OperatorField({ part }: { part: OperatorPart }) {
  const { change, entryEvents, value } = useCondition();
  const { types } = useTypes(part.subject, entryEvents);
  const choice = choiceOf(part);
  return (
    <NativeSelect
      size="xs"
      aria-label={words.labels.operator}
      value={choice}
      data={operatorsFor(part.subject, types, choice).map((each) => ({
        value: each,
        label: words.operators[each],
      }))}
      onChange={(event) =>
        change(withOperator(value, part, event.currentTarget.value as OperatorChoice))
      }
    />
  );
}

function NumberField({ part }: { part: NumberPart }) {
  const { change, value } = useCondition();
  return (
    <TextInput
      size="xs"
      w={80}
      inputMode="decimal"
      aria-label={words.labels[part.label]}
      value={String(part.value)}
      onChange={(event) =>
        change(replaced(value, part.at, typedValue(event.currentTarget.value, ["number"])), true)
      }
    />
  );
}
