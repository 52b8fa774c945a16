import { Stack, Title } from "@mantine/core";
import type { OutlineStep, Way } from "@/builder/document/outline";
import { formOfMapping, schemaOfItems } from "@/builder/document/schema";
import { isValueMap } from "@/builder/document/values";
import { texts } from "@/texts";
import { MappingField } from "./MappingField";
import { shapeOf } from "./shapes";

/** The settings of a case or an arm. */
export function WayPanel({ way, step }: { way: Way; step: OutlineStep }) {
  const title = way.role === "else" ? texts.builder.otherwise : way.name;
  const items = step.kind === null ? null : schemaOfItems(step.kind.content);
  const keys = isValueMap(way.value) ? Object.keys(way.value) : [];
  const form = items === null ? null : formOfMapping(items, keys);
  const shape = form?.name == null ? null : shapeOf(form.name);
  return (
    <Stack gap="sm">
      <Title order={2}>{title}</Title>
      {shape?.kind === "mapping" && isValueMap(way.value) && (
        <MappingField
          label={title}
          shape={shape}
          path={way.path}
          value={way.value}
          without={["else"]}
        />
      )}
    </Stack>
  );
}
