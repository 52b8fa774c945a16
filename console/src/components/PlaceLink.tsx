import { Anchor } from "@mantine/core";
import type { ReactNode } from "react";
import { Link } from "wouter";
import { BASE } from "@/app/base";

/**
 * A link to a place of the console. A path is below the page's own; one that begins with `~` is
 * that of any place, such as `~/contacts`.
 */
export function PlaceLink({ to, children }: { to: string; children: ReactNode }) {
  return (
    <Anchor component={Link} to={to.replace(/^~/, `~${BASE}`)} underline="hover" inherit>
      {children}
    </Anchor>
  );
}
