import { Text } from "@mantine/core";
import type { Place } from "@/app/places";
import { ObjectLink } from "@/components/ObjectLink";
import { texts } from "@/texts";
import type { NameKind } from "./names";

/** Where things that a document names have a page of their own. */
const PLACES: Readonly<Partial<Record<NameKind, Place["id"]>>> = {
  attributes: "attributes",
  brands: "brands",
  groups: "groups",
  journeys: "journeys",
  places: "places",
  pools: "coupons",
  segments: "segments",
  templates: "templates",
  topics: "topics",
};

/** A link to the page of a thing that a field names. */
export function NamedThing({ kind, name }: { kind: NameKind; name: string }) {
  const place = PLACES[kind];
  if (place === undefined) {
    return null;
  }
  return (
    <Text size="xs">
      <ObjectLink place={place} id={name}>
        {texts.fields.open(name)}
      </ObjectLink>
    </Text>
  );
}
