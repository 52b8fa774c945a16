import { Text } from "@mantine/core";
import { useMay } from "@/api/session";
import type { Place } from "@/app/places";
import { withQuery } from "@/components/addresses";
import { ObjectLink } from "@/components/ObjectLink";
import { PlaceLink } from "@/components/PlaceLink";
import { texts } from "@/texts";
import { type NameKind, useMissing } from "./names";

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

/** Kinds of things that are begun on a page of their own, under the key in its address. */
const BEGUN: Readonly<Partial<Record<NameKind, string>>> = {
  brands: "~/brands/new",
  segments: "~/segments/new",
  templates: "~/templates/new",
  topics: "~/topics/new",
};

/** Says that a thing is not there yet, with the way to make it. */
export function MissingName({ kind, name }: { kind: NameKind; name: string }) {
  const mayEdit = useMay("edit");
  const missing = useMissing(kind, name);
  const begun = BEGUN[kind];
  if (!missing || (name === "" && begun === undefined)) {
    return null;
  }
  return (
    <Text size="xs" className="quiet" role="status">
      {name === "" ? texts.fields.noneYet : texts.fields.missing[kind]}{" "}
      {mayEdit && begun !== undefined && (
        <PlaceLink to={withQuery(begun, { key: name })}>{texts.fields.make}</PlaceLink>
      )}
    </Text>
  );
}

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
