"""Prints the page `docs/library.md`."""

import sys

from journeys.library import index

sys.stdout.write(index())
