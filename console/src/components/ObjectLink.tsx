import type { ReactNode } from "react";
import { useSession } from "@/api/session";
import { type Place, placesFor } from "@/app/places";
import { PlaceLink } from "./PlaceLink";

interface ObjectLinkProps {
  place: Place["id"];
  /** The id of the object in that place, such as the key of a journey. */
  id: string;
  children?: ReactNode;
}

/** A link to an object's page; its name alone where there is no such page for this key. */
export function ObjectLink({ place, id, children = id }: ObjectLinkProps) {
  const { may } = useSession();
  const found = placesFor(may).find((each) => each.id === place);
  if (found === undefined) {
    return <>{children}</>;
  }
  return <PlaceLink to={`~${found.path}/${encodeURIComponent(id)}`}>{children}</PlaceLink>;
}
