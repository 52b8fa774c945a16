import { Stack, Title } from "@mantine/core";
import type { ValueMap } from "@/builder/document/values";
import { texts } from "@/texts";
import { MappingField } from "./MappingField";
import { shapeOf } from "./shapes";

/** The settings of the journey itself; its steps, entry, exits and goal stand in the graph. */
export function JourneyPanel({ value }: { value: ValueMap }) {
  const shape = shapeOf("Journey");
  return (
    <Stack gap="sm">
      <Title order={2}>{texts.builder.journey}</Title>
      {shape.kind === "mapping" && (
        <MappingField
          label={texts.builder.journey}
          shape={shape}
          path={[]}
          value={value}
          without={["journey", "entry", "exit", "goal", "steps"]}
        />
      )}
    </Stack>
  );
}
