import { Group, Text, Title } from "@mantine/core";
import { type ReactNode, useId } from "react";
import classes from "./Section.module.css";

interface SectionProps {
  title: string;
  /** A line beside the title, such as how many there are. */
  line?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}

/** A part of a page under its title, set off by a hairline. */
export function Section({ title, line, actions, children }: SectionProps) {
  const id = useId();
  return (
    <section className={classes.section} aria-labelledby={id}>
      <Group justify="space-between" gap="sm" mb="xs">
        <Group gap="sm" align="baseline">
          <Title order={2} id={id}>
            {title}
          </Title>
          {line !== undefined && (
            <Text size="sm" className="quiet" component="div">
              {line}
            </Text>
          )}
        </Group>
        {actions !== undefined && <Group gap="sm">{actions}</Group>}
      </Group>
      {children}
    </section>
  );
}
