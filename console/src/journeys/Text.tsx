import { ScrollArea } from "@mantine/core";

/** The file of a journey, as it was saved. */
export function Text({ source }: { source: string }) {
  return (
    <ScrollArea>
      <pre>
        <code>{source}</code>
      </pre>
    </ScrollArea>
  );
}
