import { Anchor } from "@mantine/core";
import type { ReactNode } from "react";
import { Link } from "wouter";

/** A link to a place of the console. */
export function PlaceLink({ to, children }: { to: string; children: ReactNode }) {
  return (
    <Anchor component={Link} to={to} underline="hover">
      {children}
    </Anchor>
  );
}
