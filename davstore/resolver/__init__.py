"""ref -> fresh link, and what became of it.

`links` remembers and generates links, `failures` remembers what could not be served and for how
long to leave it alone, `playlists` makes those of transcoded streams. Alone knows cachetools.
"""

from davstore.resolver.failures import Failures, Trouble
from davstore.resolver.links import Resolver, Shelf, Turns
from davstore.resolver.playlists import Playlists

__all__ = ["Failures", "Playlists", "Resolver", "Shelf", "Trouble", "Turns"]
