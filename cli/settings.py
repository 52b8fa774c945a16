"""Settings for commands that need them."""

from cli.errors import refuse
from infra.settings import Settings, SettingsRefused, read_settings


def settings_or_refuse() -> Settings:
    """Settings from the environment; the command ends with a line for each that is wrong."""
    try:
        return read_settings()
    except SettingsRefused as refused:
        refuse(str(refused))
