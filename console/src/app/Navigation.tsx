import { NavLink, ScrollArea, Text } from "@mantine/core";
import { Link, useLocation } from "wouter";
import { useSession } from "@/api/session";
import { texts } from "@/texts";
import { AttentionCount } from "./AttentionCount";
import { nameOf, type Place, placesFor, type Section } from "./places";

function stands(place: Place, location: string): boolean {
  return place.path === "/" ? location === "/" : location.startsWith(place.path);
}

/** The menu: the places that the key may see, in their sections. */
export function Navigation() {
  const { may } = useSession();
  const [location] = useLocation();
  const shown = placesFor(may);
  const sections = Object.keys(texts.shell.sections) as Section[];
  return (
    <ScrollArea type="never">
      {sections
        .filter((section) => shown.some((place) => place.section === section))
        .map((section) => (
          <div key={section}>
            <Text size="xs" className="quiet" px="sm" pt="sm" pb="xs">
              {texts.shell.sections[section]}
            </Text>
            {shown
              .filter((place) => place.section === section)
              .map((place) => {
                const here = stands(place, location);
                return (
                  <NavLink
                    key={place.id}
                    component={Link}
                    to={place.path}
                    label={nameOf(place)}
                    active={here}
                    rightSection={place.id === "attention" ? <AttentionCount /> : undefined}
                    aria-current={here ? "page" : undefined}
                    py={3}
                    px="sm"
                  />
                );
              })}
          </div>
        ))}
    </ScrollArea>
  );
}
