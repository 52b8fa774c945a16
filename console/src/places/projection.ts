import type { Place } from "./placeList";

/** Kilometres of a degree of latitude. */
const DEGREE = 111.195;

export interface Frame {
  /** From degrees to the picture. */
  x: (lon: number) => number;
  y: (lat: number) => number;
  /** How long kilometres are in the picture, north to south. */
  length: (km: number) => number;
  /** A round number of kilometres for the scale. */
  scale: number;
}

/** How much room is left around the outermost places, as a part of the picture. */
const MARGIN = 0.1;
/** The least height that a picture shows, in kilometres, so that one place does not fill it. */
const LEAST = 2;

/**
 * A plane picture of places: parallels and meridians as straight lines, true to scale at the middle
 * parallel. `reach` is the distance around each place that is to be seen as well.
 */
export function frameOf(
  places: readonly Place[],
  width: number,
  height: number,
  reach: number,
): Frame {
  const lats = places.map(({ lat }) => lat);
  const lons = places.map(({ lon }) => lon);
  const north = Math.max(...lats);
  const south = Math.min(...lats);
  const middle = (north + south) / 2;
  const east = Math.max(...lons);
  const west = Math.min(...lons);
  const narrowing = Math.max(Math.cos((middle * Math.PI) / 180), 0.05);
  const tall = Math.max((north - south) * DEGREE + 2 * reach, LEAST);
  const wide = Math.max((east - west) * DEGREE * narrowing + 2 * reach, LEAST);
  const room = 1 - 2 * MARGIN;
  const perKm = Math.min((height * room) / tall, (width * room) / wide);
  const centre = (east + west) / 2;
  return {
    x: (lon) => width / 2 + (lon - centre) * DEGREE * narrowing * perKm,
    y: (lat) => height / 2 - (lat - middle) * DEGREE * perKm,
    length: (km) => km * perKm,
    scale: round(width / 5 / perKm),
  };
}

/** The largest of 1, 2, 5, 10, 20… that is no larger. */
function round(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  const digit = value / power;
  return power * (digit >= 5 ? 5 : digit >= 2 ? 2 : 1);
}
