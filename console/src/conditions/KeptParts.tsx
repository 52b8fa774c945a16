import { Text } from "@mantine/core";
import { texts } from "@/texts";
import classes from "./conditions.module.css";
import type { KeptPart } from "./parts";

/** What has no fields: shown as it is written, and kept. */
export function KeptParts({ parts }: { parts: readonly KeptPart[] }) {
  return parts.map((part) => {
    const key = String(part.at.at(-1) ?? "");
    return (
      <div key={key}>
        <code className={classes.kept}>
          {texts.conditions.kept(key, JSON.stringify(part.value))}
        </code>
        <Text size="xs" className="quiet">
          {texts.conditions.keptAsText}
        </Text>
      </div>
    );
  });
}
