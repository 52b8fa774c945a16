"""The number of parts of a text message, as providers count them."""

from journeys.model.sms_parts import Parts, count_parts

__all__ = ["Parts", "count_parts"]
