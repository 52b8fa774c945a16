import { Group, Text, Title } from "@mantine/core";
import type { ReactNode } from "react";
import { texts } from "@/texts";

interface PageProps {
  title: string;
  /** A line under the title. */
  line?: ReactNode;
  /** Buttons beside the title. */
  actions?: ReactNode;
  children: ReactNode;
}

/** The frame of a page: its title, which is the browser's too, what one can do, and its content. */
export function Page({ title, line, actions, children }: PageProps) {
  return (
    <>
      <title>{`${title} · ${texts.shell.product}`}</title>
      <Group justify="space-between" align="start" mb="md" gap="sm">
        <div>
          <Title order={1}>{title}</Title>
          {line !== undefined && (
            <Text size="sm" className="quiet" component="div">
              {line}
            </Text>
          )}
        </div>
        {actions !== undefined && <Group gap="sm">{actions}</Group>}
      </Group>
      {children}
    </>
  );
}
