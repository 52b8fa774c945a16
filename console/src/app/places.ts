import type { ComponentType } from "react";
import type { Scope } from "@/api/session";
import { texts } from "@/texts";

export type Section = keyof typeof texts.shell.sections;

/** A place of the console: an entry of the menu, and the pages below its path. */
export interface Place {
  id: keyof typeof texts.shell.places;
  path: string;
  section: Section;
  /** What a key needs to see it: one of these. */
  seenBy: readonly Scope[];
  /** Loads its pages, which take the paths below its own. */
  load: () => Promise<{ pages: ComponentType }>;
}

/** The places in the order of the menu. */
export const PLACES: readonly Place[] = [
  {
    id: "today",
    path: "/",
    section: "watch",
    seenBy: ["read"],
    load: () => import("@/today/pages"),
  },
  {
    id: "journeys",
    path: "/journeys",
    section: "build",
    seenBy: ["read", "edit"],
    load: () => import("@/journeys/pages"),
  },
  {
    id: "templates",
    path: "/templates",
    section: "build",
    seenBy: ["read", "edit"],
    load: () => import("@/templates/pages"),
  },
  {
    id: "segments",
    path: "/segments",
    section: "build",
    seenBy: ["read"],
    load: () => import("@/segments/pages"),
  },
  {
    id: "topics",
    path: "/topics",
    section: "build",
    seenBy: ["read", "edit"],
    load: () => import("@/topics/pages"),
  },
  {
    id: "forms",
    path: "/forms",
    section: "build",
    seenBy: ["read", "edit"],
    load: () => import("@/forms/pages"),
  },
  {
    id: "brands",
    path: "/brands",
    section: "build",
    seenBy: ["read", "edit"],
    load: () => import("@/brands/pages"),
  },
  {
    id: "files",
    path: "/files",
    section: "build",
    seenBy: ["read", "edit"],
    load: () => import("@/files/pages"),
  },
  {
    id: "coupons",
    path: "/coupons",
    section: "build",
    seenBy: ["read"],
    load: () => import("@/coupons/pages"),
  },
  {
    id: "places",
    path: "/places",
    section: "build",
    seenBy: ["read", "edit"],
    load: () => import("@/places/pages"),
  },
  {
    id: "channels",
    path: "/channels",
    section: "build",
    seenBy: ["read", "edit"],
    load: () => import("@/channels/pages"),
  },
  {
    id: "holdouts",
    path: "/holdouts",
    section: "build",
    seenBy: ["read", "edit"],
    load: () => import("@/holdouts/pages"),
  },
  {
    id: "testRecipients",
    path: "/test-recipients",
    section: "build",
    seenBy: ["read", "edit"],
    load: () => import("@/testRecipients/pages"),
  },
  {
    id: "contacts",
    path: "/contacts",
    section: "watch",
    seenBy: ["read"],
    load: () => import("@/contacts/pages"),
  },
  {
    id: "groups",
    path: "/groups",
    section: "watch",
    seenBy: ["read"],
    load: () => import("@/groups/pages"),
  },
  {
    id: "suppressions",
    path: "/suppressions",
    section: "watch",
    seenBy: ["read"],
    load: () => import("@/suppressions/pages"),
  },
  {
    id: "attributes",
    path: "/attributes",
    section: "watch",
    seenBy: ["read"],
    load: () => import("@/attributes/pages"),
  },
  {
    id: "runs",
    path: "/runs",
    section: "operate",
    seenBy: ["read"],
    load: () => import("@/runs/pages"),
  },
  {
    id: "log",
    path: "/log",
    section: "operate",
    seenBy: ["read"],
    load: () => import("@/log/pages"),
  },
  {
    id: "attention",
    path: "/attention",
    section: "operate",
    seenBy: ["read"],
    load: () => import("@/attention/pages"),
  },
  {
    id: "jobs",
    path: "/jobs",
    section: "operate",
    seenBy: ["read"],
    load: () => import("@/jobs/pages"),
  },
  {
    id: "imports",
    path: "/imports",
    section: "operate",
    seenBy: ["operate"],
    load: () => import("@/imports/pages"),
  },
  {
    id: "upcoming",
    path: "/upcoming",
    section: "watch",
    seenBy: ["read"],
    load: () => import("@/upcoming/pages"),
  },
  {
    id: "audit",
    path: "/audit",
    section: "operate",
    seenBy: ["read"],
    load: () => import("@/audit/pages"),
  },
  {
    id: "erasures",
    path: "/erasures",
    section: "operate",
    seenBy: ["admin"],
    load: () => import("@/erasures/pages"),
  },
  {
    id: "keys",
    path: "/keys",
    section: "operate",
    seenBy: ["admin"],
    load: () => import("@/keys/pages"),
  },
  {
    id: "health",
    path: "/health",
    section: "operate",
    seenBy: ["read"],
    load: () => import("@/health/pages"),
  },
];

export function nameOf(place: Place): string {
  return texts.shell.places[place.id];
}

/** The places that a key with these scopes may see. */
export function placesFor(may: readonly string[]): readonly Place[] {
  return PLACES.filter((place) => place.seenBy.some((scope) => may.includes(scope)));
}
