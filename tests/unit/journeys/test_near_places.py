"""The nearest place, found by latitude, is the one that measuring all of them finds."""

import random

from journeys.model.near_places import Place, PlaceIndex, kilometres


def test_known_distances() -> None:
    # By https://www.movable-type.co.uk/scripts/latlong.html, on a sphere of 6,371 km.
    assert abs(kilometres(48.8566, 2.3522, 45.764, 4.8357) - 391.5) < 0.3
    assert abs(kilometres(51.5074, -0.1278, 40.7128, -74.006) - 5570.2) < 0.5
    assert abs(kilometres(0, 179.9, 0, -179.9) - 22.24) < 0.01
    assert kilometres(10, 20, 10, 20) == 0
    # A pole has every longitude; on either side of it lies the other half of the meridian.
    assert kilometres(90, 0, 90, 137) < 1e-6
    assert abs(kilometres(-89.9, 0, -89.9, 180) - 22.24) < 0.01
    pole = PlaceIndex([Place("pole", -90, 0)], 12)
    assert pole.nearest(-89.9, 179) is not None
    assert pole.nearest(-89.8, 179) is None


def test_the_index_finds_what_measuring_all_places_finds() -> None:
    draw = random.Random(3)
    for _ in range(300):
        km = draw.choice([0.05, 1, 30, 900, 15_000])
        spread = min(80.0, km / 50)
        base_lat, base_lon = draw.uniform(-89, 89), draw.uniform(-180, 180)

        def point(
            lat: float = base_lat, lon: float = base_lon, by: float = spread
        ) -> tuple[float, float]:
            return (
                max(-90.0, min(90.0, lat + draw.uniform(-by, by))),
                (lon + draw.uniform(-by, by) + 180) % 360 - 180,
            )

        places = [Place(f"p{n}", *point()) for n in range(20)]
        lat, lon = point()
        near = sorted(
            (kilometres(lat, lon, each.lat, each.lon), each.name, each) for each in places
        )
        expected = near[0][2] if near[0][0] <= km else None
        assert PlaceIndex(places, km).nearest(lat, lon) == expected
