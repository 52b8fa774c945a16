import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { frameOf } from "@/places/projection";

const WIDTH = 480;
const HEIGHT = 360;

const place = fc.record({
  name: fc.constant("A"),
  lat: fc.double({ min: -90, max: 90, noNaN: true }),
  lon: fc.double({ min: -180, max: 180, noNaN: true }),
});

describe("the picture of places", () => {
  test("holds all of them, north above and east on the right", () => {
    fc.assert(
      fc.property(
        fc.array(place, { minLength: 1 }),
        fc.double({ min: 0, max: 500, noNaN: true }),
        (places, reach) => {
          const frame = frameOf(places, WIDTH, HEIGHT, reach);
          for (const { lat, lon } of places) {
            expect(frame.x(lon)).toBeGreaterThanOrEqual(0);
            expect(frame.x(lon)).toBeLessThanOrEqual(WIDTH);
            expect(frame.y(lat)).toBeGreaterThanOrEqual(0);
            expect(frame.y(lat)).toBeLessThanOrEqual(HEIGHT);
          }
          expect(frame.y(1)).toBeLessThan(frame.y(0));
          expect(frame.x(1)).toBeGreaterThan(frame.x(0));
          expect(frame.scale).toBeGreaterThan(0);
          expect(frame.length(frame.scale)).toBeLessThanOrEqual(WIDTH / 5 + 1e-6);
        },
      ),
    );
  });

  test("is true to scale: Paris and Lille lie 204 km apart", () => {
    const paris = { name: "Paris", lat: 48.8566, lon: 2.3522 };
    const lille = { name: "Lille", lat: 50.6292, lon: 3.0573 };
    const frame = frameOf([paris, lille], WIDTH, HEIGHT, 0);
    const apart = Math.hypot(
      frame.x(paris.lon) - frame.x(lille.lon),
      frame.y(paris.lat) - frame.y(lille.lat),
    );
    expect(Math.abs(apart / frame.length(1) - 204)).toBeLessThan(1.5);
  });
});
