import { Text } from "@mantine/core";
import { texts } from "@/texts";
import { drawn, type ListedPlace } from "./placeList";
import classes from "./places.module.css";
import { frameOf } from "./projection";

const words = texts.places;
const WIDTH = 480;
const HEIGHT = 360;
/** As many places have their names beside them; of more, only the chosen one has. */
const NAMED = 12;
const km = new Intl.NumberFormat("en", { maximumFractionDigits: 2 });

interface PictureProps {
  places: readonly ListedPlace[];
  /** Kilometres around each place; 0 draws no circle. */
  radius: number;
  /** The index of the place that is marked. */
  chosen: number | null;
  onChoose: (index: number) => void;
}

/** Where places lie to each other, north at the top: a plain picture that fetches nothing. */
export function Picture({ places, radius, chosen, onChoose }: PictureProps) {
  const shown = drawn(places);
  if (shown.length === 0) {
    return <Text className="quiet">{words.unknown}</Text>;
  }
  const frame = frameOf(shown, WIDTH, HEIGHT, radius);
  const scale = frame.length(frame.scale);
  const named = shown.length <= NAMED;
  return (
    <svg
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      className={classes.picture}
      role="img"
      aria-label={words.pictureOf(shown.length)}
    >
      {radius > 0 &&
        shown.map((place) => (
          <circle
            key={place.index}
            className={classes.reach ?? ""}
            cx={frame.x(place.lon)}
            cy={frame.y(place.lat)}
            r={frame.length(radius)}
          />
        ))}
      {shown.map((place) => (
        // biome-ignore lint/a11y/noStaticElementInteractions: the table beside has the same button.
        <g
          key={place.index}
          data-chosen={place.index === chosen || undefined}
          className={classes.place ?? ""}
          onClick={() => onChoose(place.index)}
        >
          <title>{`${place.name} · ${place.lat}, ${place.lon}`}</title>
          <circle cx={frame.x(place.lon)} cy={frame.y(place.lat)} r={4} />
          {(named || place.index === chosen) && (
            <text x={frame.x(place.lon) + 8} y={frame.y(place.lat) + 4}>
              {place.name}
            </text>
          )}
        </g>
      ))}
      <g className={classes.scale ?? ""}>
        <line x1={16} x2={16 + scale} y1={HEIGHT - 16} y2={HEIGHT - 16} />
        <text x={16} y={HEIGHT - 22}>
          {words.scale(km.format(frame.scale))}
        </text>
      </g>
    </svg>
  );
}
