"""Settings of commands, read from the environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.errors import refuse

if TYPE_CHECKING:
    from infra.settings import Settings


def settings_or_refuse() -> Settings:
    """Settings from the environment. The command ends with a line for each wrong setting."""
    from infra.settings import SettingsRefused, read_settings

    try:
        return read_settings()
    except SettingsRefused as refused:
        refuse(str(refused))
