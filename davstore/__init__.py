"""davstore: debrid accounts over WebDAV.

The way down, each floor importing only what stands below it:
    cli        the commands a person types
    server     builds the objects, starts and stops them; keeps the clients' connections
    dav        the WebDAV face                   hooks      tell others what changed
    dashboard  pages and metrics under /-/
    stream     a link becomes bytes
    catalog    what all accounts hold            resolver   ref -> fresh link
    views      magnets -> folder trees           names      upstream name -> safe name
    stores     one module a service              transport  outward HTTP
    config     TOML and environment -> settings
    model      the values                        errors     what can go wrong
    tally      what is counted                   logs       the log, and what it must not say
    collector  the garbage collector, for large libraries
    pooled     small things on disk              wsgi       the types of PEP 3333
Beside the house stands `simulator`: the services on localhost, for the demo and the tests.
"""

__version__ = "0.1.0"
