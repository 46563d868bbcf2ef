"""The stores' APIs and a file host on localhost, for `davstore demo` and the tests.

Written from the services' documents and from how they were seen to behave, never from
davstore's own stores, so that it can prove these wrong.

    with Simulator() as sim:
        magnet = SimMagnet("Sintel", [SimFile("Sintel.mkv", Content.random("sintel", 10**9))])
        sim.realdebrid.add(magnet)
        sim.realdebrid.settings  # what to write into a configuration
        sim.host.faults.add(Fault("cut", at_bytes=5000))

Contents are in `content`, magnets in `magnets`, what can go wrong in `faults`, sockets in
`wire`, recording in `site`; then each service and the file host; the demo's own library in
`library` and `media`.
"""

from davstore.simulator.content import Content
from davstore.simulator.faults import Fault
from davstore.simulator.magnets import SimFile, SimMagnet
from davstore.simulator.simulation import Simulator

__all__ = ["Content", "Fault", "SimFile", "SimMagnet", "Simulator"]
