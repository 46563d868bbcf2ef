"""ref -> fresh link, and what became of it.

`links` remembers and generates links, `failures` remembers what could not be served and for how
long to leave it alone. Alone knows cachetools.
"""

from davstore.resolver.failures import Failures, Trouble
from davstore.resolver.links import Resolver, Shelf, Turns

__all__ = ["Failures", "Resolver", "Shelf", "Trouble", "Turns"]
