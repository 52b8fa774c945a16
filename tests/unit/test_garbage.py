"""The garbage collector of a process that stays."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
CODE = """
import gc, weakref
from infra.garbage import spare_what_stays

class Knot:
    def __init__(self):
        self.self = self

spare_what_stays()
frozen = gc.get_freeze_count()
knots = [weakref.ref(Knot()) for _ in range(300_000)]
print(frozen, sum(knot() is not None for knot in knots))
"""


def test_what_is_loaded_is_spared_and_garbage_still_goes() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE], cwd=ROOT, capture_output=True, text=True, check=True
    )
    frozen, left = map(int, done.stdout.split())
    assert frozen > 1_000
    # At most what the youngest generation may hold.
    assert left <= 5_000
