"""Tracking and campaign parameters: how the levels of a send come together."""

from typing import Any

import pytest
from pydantic import ValidationError

from journeys.model.sends import Email, SendSettings, inherit
from journeys.model.tracking import Track, Utm, nearest, strictest
from tests.unit.journeys.examples import problems


def own(**settings: Any) -> Email:
    return Email.model_validate({"subject": "s", "text": "t", **settings})


def test_everything_is_tracked_unless_a_level_refuses() -> None:
    both = Track(opens=True, clicks=True)
    assert strictest() == strictest(None, Track()) == strictest(both) == both
    assert strictest(both, Track(clicks=False)) == Track(opens=True, clicks=False)
    assert strictest(Track(opens=False), Track(opens=True)) == Track(opens=False, clicks=True)
    refused = SendSettings(track=Track(opens=False))
    assert inherit(own(track={"opens": True}), refused).track.opens is False
    assert inherit(own(track={"clicks": False}), SendSettings()).track.clicks is False
    assert inherit(own(), SendSettings()).track == both


def test_each_campaign_parameter_comes_from_the_nearest_level_that_has_it() -> None:
    assert nearest(
        Utm(source="mail"), None, Utm(source="news", medium="email"), Utm(campaign="spring")
    ) == Utm(source="mail", medium="email", campaign="spring")
    above = SendSettings(utm=Utm(source="news", campaign="spring"))
    found = inherit(own(utm={"source": "mail"}), above).utm
    assert found.parameters() == {"utm_source": "mail", "utm_campaign": "spring"}
    assert inherit(own(), SendSettings()).utm.parameters() == {}


@pytest.mark.parametrize("value", ["", " ", "a\nb", "x" * 101])
def test_a_campaign_parameter_is_short_and_printable(value: str) -> None:
    with pytest.raises(ValidationError):
        Utm(source=value)


@pytest.mark.parametrize(
    ("track", "status", "warned"),
    [
        ("{clicks: false}", "clicked", True),
        ("{clicks: false}", "opened", False),
        ("{opens: false}", "opened", False),
        ("{opens: false}", "clicked", False),
        ("{clicks: false, opens: false}", "opened", True),
        ("{clicks: false, opens: false}", "delivered", False),
        ("{clicks: true}", "clicked", False),
    ],
)
def test_a_wait_for_what_is_not_tracked_is_warned_about(
    track: str, status: str, warned: bool
) -> None:
    text = (
        f"journey: j\nentry: {{event: X}}\ndefaults: {{track: {track}}}\nsteps:\n"
        "- {id: mail, email: {subject: s, text: t, transactional: true}}\n"
        f"- {{id: w, wait: {{message: mail, is: {status}, up_to: 1d}}}}\n"
    )
    found = [each for each in problems(text) if "track" in str(each)]
    assert len(found) == warned
    assert all(":6: warning: [w]" in str(each) for each in found)
