"""The garbage collector of a process that serves; it is the whole process's, so another one's."""

import gc
import subprocess
import sys

from davstore.collector import loading


def run(script: str) -> None:
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_what_is_loaded_is_set_apart_in_a_process_that_serves() -> None:
    run("""
import gc
from davstore import collector
collector.settle()
collector.settle()
before = gc.get_freeze_count()
with collector.loading():
    assert not gc.isenabled()
    with collector.loading():
        kept = [[] for _ in range(100_000)]
    assert not gc.isenabled()
assert gc.isenabled()
assert gc.get_freeze_count() - before >= 100_000
del kept
assert gc.get_freeze_count() < 100_000, "what nobody needs goes as ever"
cycle = []
cycle.append(cycle)
del cycle
assert gc.collect(), "and cycles that come later are found"
""")


def test_what_a_full_collection_was_slow_to_walk_is_set_apart_after_it() -> None:
    run("""
import gc
from davstore import collector
collector.settle()
quick = [[] for _ in range(10)]
collector.LONG = 1e9
gc.collect()
assert gc.get_freeze_count() == 0
collector.LONG = 0.0
gc.collect(1)
assert gc.get_freeze_count() == 0, "a collection of the young says nothing"
gc.collect()
assert gc.get_freeze_count() > 10
""")


def test_a_machine_that_is_busy_has_nothing_set_apart() -> None:
    """What takes long is then not what is walked."""
    run("""
import gc, time
from davstore import collector
collector.settle()
gc.callbacks.insert(0, lambda phase, told: time.sleep(2 * collector.LONG))
gc.callbacks.insert(2, lambda phase, told: time.sleep(2 * collector.LONG))
gc.collect()
assert gc.get_freeze_count() == 0
""")


def test_elsewhere_it_is_only_stopped_meanwhile() -> None:
    before = gc.get_freeze_count()
    with loading():
        assert not gc.isenabled()
    assert gc.isenabled()
    assert gc.get_freeze_count() == before
