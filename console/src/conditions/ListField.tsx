import { TagsInput } from "@mantine/core";
import { texts } from "@/texts";
import { replaced } from "./comparing";
import { useCondition } from "./context";
import type { ListPart } from "./parts";
import { shownValue, typedValue } from "./scalarTexts";
import { useTypes } from "./types";

/** The values of a list: each is typed or chosen, and taken with Enter. */
export function ListField({ part }: { part: ListPart }) {
  const { change, entryEvents, value } = useCondition();
  const { examples, types } = useTypes(part.subject, entryEvents);
  const shown = part.value.map((each) => shownValue(each as string | number | boolean, types));
  return (
    <TagsInput
      size="xs"
      miw={172}
      aria-label={texts.conditions.labels.values}
      placeholder={shown.length === 0 ? texts.conditions.labels.values : ""}
      data={[...new Set(examples.map((each) => shownValue(each, types)))]}
      value={shown}
      acceptValueOnBlur
      onChange={(tags) =>
        change(
          replaced(
            value,
            part.at,
            tags.map((tag) => typedValue(tag, types)),
          ),
        )
      }
    />
  );
}
