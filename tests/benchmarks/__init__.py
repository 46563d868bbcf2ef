"""How fast davstore streams, beside rclone and nginx, in one run on one machine.

    python -m tests.benchmarks.streams --help

`streams` is the command; the work is in `throughput`, `ranges`, `crowd` and `probes`. What they
stand on: `origins` (nginx with the files, and `relay`, which moves it away), `servers` (what is
compared), `processes` (starting, ending and measuring these), `clients` (what reads, always in a
process of its own). `report` makes the table, the goals and the JSON. Nothing here is a test.
"""
