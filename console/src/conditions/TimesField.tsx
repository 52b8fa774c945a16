import { NativeSelect, TextInput } from "@mantine/core";
import { isValueMap, type Value } from "@/builder/document/values";
import { texts } from "@/texts";
import { replaced } from "./comparing";
import classes from "./conditions.module.css";
import { useCondition } from "./context";
import type { TimesPart } from "./parts";
import { typedValue } from "./scalarTexts";
import { countOf, type Frequency, frequencyOf, timesValue } from "./times";
import { textOf, timesWords } from "./words";

const words = texts.conditions;
const FREQUENCIES: readonly Frequency[] = ["once", "never", "is", "gte", "lte", "gt", "lt"];

/** How often an event happened. */
export function TimesField({ part }: { part: TimesPart }) {
  const { change, value } = useCondition();
  const frequency = frequencyOf(part.value);
  const set = (next: Value | undefined, typing = false) =>
    change(replaced(value, part.at, next), typing);
  if (frequency === null) {
    return <code className={classes.kept}>{textOf(timesWords(part))}</code>;
  }
  const count = countOf(part.value);
  return (
    <>
      <NativeSelect
        size="xs"
        aria-label={words.howOften}
        value={frequency}
        data={FREQUENCIES.map((each) => ({ value: each, label: words.times[each] }))}
        onChange={(event) => set(timesValue(event.currentTarget.value as Frequency, count ?? 2))}
      />
      {count !== null && (
        <>
          <TextInput
            size="xs"
            w={56}
            inputMode="numeric"
            aria-label={words.timesCount}
            value={String(count)}
            onChange={(event) => {
              const typed = typedValue(event.currentTarget.value, ["number"]);
              const key = isValueMap(part.value) ? Object.keys(part.value)[0] : undefined;
              set(key === undefined ? typed : { [key]: typed }, true);
            }}
          />
          <span>{words.timesWord(String(count))}</span>
        </>
      )}
    </>
  );
}
