import { type ComponentType, lazy, Suspense } from "react";
import { Route, Switch } from "wouter";
import { useSession } from "@/api/session";
import { LoadingLine } from "@/components/LoadingLine";
import { Page } from "@/components/Page";
import { texts } from "@/texts";
import { Boundary } from "./Boundary";
import { PLACES, type Place, placesFor } from "./places";

const LOADED: ReadonlyMap<Place, ComponentType> = new Map(
  PLACES.map((place) => [
    place,
    lazy(() => place.load().then((module) => ({ default: module.pages }))),
  ]),
);

/** The page of the address. Each place is loaded when it is first opened. */
export function Pages() {
  const { may } = useSession();
  return (
    <Suspense fallback={<LoadingLine />}>
      <Switch>
        {placesFor(may).map((place) => {
          const Content = LOADED.get(place);
          const nested = place.path !== "/";
          return (
            <Route key={place.id} path={place.path} nest={nested}>
              <Boundary>{Content !== undefined && <Content />}</Boundary>
            </Route>
          );
        })}
        <Route>
          <Page title={texts.parts.noSuchPage}>
            <p>{texts.parts.notFound}</p>
          </Page>
        </Route>
      </Switch>
    </Suspense>
  );
}
