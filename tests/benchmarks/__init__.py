"""How fast davstore is, beside its peers, in one run on one machine.

    python -m tests.benchmarks.streams --help
    python -m tests.benchmarks.listings --help
    python -m tests.benchmarks.catalog

`streams` measures beside rclone and nginx; its work is in `throughput`, `ranges`, `crowd` and
`probes`. What they stand on: `origins` (nginx with the files, and `relay`, which moves it away),
`servers` (what is compared), `processes` (starting, ending and measuring these), `clients` (what
reads, always in a process of its own). `report` makes the table, the goals and the JSON.
`listings` measures PROPFIND beside rclone, Apache and lighttpd, `catalog` starts, memory and calls.
Nothing here is a test.
"""
