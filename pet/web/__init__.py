"""Web: what the pages that run here have in common: headers, origins, templates, listening."""

from typing import TYPE_CHECKING

from pet.lazy import loaded_on_use

if TYPE_CHECKING:
    from pet.web.connections import most_connections as most_connections
    from pet.web.connections import raise_open_files as raise_open_files
    from pet.web.extra import require_web as require_web
    from pet.web.headers import SecurityHeaders as SecurityHeaders
    from pet.web.listening import bound as bound
    from pet.web.listening import listen as listen
    from pet.web.origins import OwnOrigin as OwnOrigin
    from pet.web.origins import checked_host as checked_host
    from pet.web.origins import name_of as name_of
    from pet.web.templates import STATIC as STATIC
    from pet.web.templates import environment as environment

_HOMES = {
    "OwnOrigin": "pet.web.origins",
    "STATIC": "pet.web.templates",
    "SecurityHeaders": "pet.web.headers",
    "bound": "pet.web.listening",
    "checked_host": "pet.web.origins",
    "environment": "pet.web.templates",
    "listen": "pet.web.listening",
    "most_connections": "pet.web.connections",
    "name_of": "pet.web.origins",
    "raise_open_files": "pet.web.connections",
    "require_web": "pet.web.extra",
}
__all__ = sorted(_HOMES)
__getattr__ = loaded_on_use(__name__, _HOMES)
