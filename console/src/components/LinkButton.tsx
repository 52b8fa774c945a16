import { Button } from "@mantine/core";
import type { ReactNode } from "react";
import { Link } from "wouter";
import { BASE } from "@/app/base";

interface LinkButtonProps {
  /** As of PlaceLink: below the page's own path, or of any place if it begins with `~`. */
  to: string;
  /** Whether it is what one comes for. */
  filled?: boolean;
  children: ReactNode;
}

/** A link to a place of the console that looks like a button, beside buttons. */
export function LinkButton({ to, filled = false, children }: LinkButtonProps) {
  return (
    <Button
      component={Link}
      to={to.replace(/^~/, `~${BASE}`)}
      variant={filled ? "filled" : "default"}
    >
      {children}
    </Button>
  );
}
