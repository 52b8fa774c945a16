"""The base of bodies that callers send: no unknown fields, and no value of another type."""

from pydantic import BaseModel, ConfigDict


class StrictBody(BaseModel):
    """A body. `true` is no number and `"7"` is none either; a field that is not known is refused.

    PostgreSQL's integers have 32 bits: a field that lands in one says so with `le`.
    """

    model_config = ConfigDict(extra="forbid", strict=True)


LARGEST_INTEGER = 2_147_483_647
"""The largest integer of 32 bits."""
