import { Stack, Title } from "@mantine/core";
import type { Rule } from "@/builder/document/outline";
import { documentForms, schemaOfItems, schemaOfKey } from "@/builder/document/schema";
import { texts } from "@/texts";
import { shapeOfSchema } from "./shapes";
import { ValueField } from "./ValueField";

const JOURNEY = documentForms.find((form) => form.name === "Journey") ?? null;

/** The shape of one entry, one exit, or the goal of a journey. */
export function ruleShape(type: Rule["type"]) {
  const schema = schemaOfKey(JOURNEY, type);
  const item = schemaOfItems(schema);
  return shapeOfSchema((type === "goal" ? schema : (item ?? schema)) ?? {});
}

/** The settings of an entry, an exit or the goal. */
export function RulePanel({ rule }: { rule: Rule }) {
  const title = texts.builder[rule.type];
  return (
    <Stack gap="sm">
      <Title order={2}>{title}</Title>
      <ValueField
        label={title}
        name={rule.type}
        shape={ruleShape(rule.type)}
        path={rule.path}
        value={rule.value}
      />
    </Stack>
  );
}
