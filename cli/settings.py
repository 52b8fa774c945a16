"""Settings of commands, read from the environment."""

from cli.errors import refuse
from infra.settings import Settings, SettingsRefused, read_settings


def settings_or_refuse() -> Settings:
    """Settings from the environment. The command ends with a line for each wrong setting."""
    try:
        return read_settings()
    except SettingsRefused as refused:
        refuse(str(refused))
