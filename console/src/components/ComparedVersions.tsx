import { Group, Text } from "@mantine/core";
import type { ReactNode } from "react";
import { texts } from "@/texts";
import { Choice } from "./Choice";
import { useFilter } from "./filters";

const words = texts.journeys.versions;

interface ComparedVersionsProps {
  /** The versions to choose from. */
  versions: readonly number[];
  /** What two versions differ in. */
  children: (before: number, after: number) => ReactNode;
}

/** Two versions to compare, chosen in the address of the page, and what they differ in. */
export function ComparedVersions({ versions, children }: ComparedVersionsProps) {
  const [before, setBefore] = useFilter("before");
  const [after, setAfter] = useFilter("after");
  const options = versions.map(String);
  return (
    <>
      {options.length > 1 && (
        <Group gap="sm" mb="sm">
          <Text>{words.compare}</Text>
          <Choice
            label={words.before}
            any={words.before}
            value={before}
            options={options}
            onChange={setBefore}
          />
          <Choice
            label={words.after}
            any={words.after}
            value={after}
            options={options}
            onChange={setAfter}
          />
        </Group>
      )}
      {before !== "" && after !== "" && children(Number(before), Number(after))}
    </>
  );
}
