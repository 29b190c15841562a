"""What stands between the network and Gradio, as ASGI middleware: see `docs/explanation/security.md`.

Every file is one duty. `around` puts them around a server in their order.
"""

from app.guard.access import Access, Proxied
from app.guard.bodies import Bodies
from app.guard.connections import Connections
from app.guard.doors import Doors
from app.guard.login import Logins
from app.guard.refusals import Numbered, Refusals, malformed
from app.guard.types import Asgi
from app.settings import Settings

__all__ = ["Connections", "Refusals", "around", "malformed"]


def around(app: Asgi, settings: Settings, connections: Connections) -> Asgi:
    """The server behind all that guards it; what stands first in this list hears of a request last."""
    guarded = Logins(Bodies(app))
    return Numbered(connections.kept(Proxied(Access(Doors(guarded), settings), settings)))
