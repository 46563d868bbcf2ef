"""Builds davstore and keeps it running; alone knows cheroot.

`server` puts the objects together. `front` accepts clients, a `conversation` with each (`framing`)
delivers streams on one event loop, and what is asked again (`repeats`); `workers` are cheroot's
threads, which answer everything else (`chunks`; `slots`: fair places for uploads). `library` is the
part that commands use without a server (`opening`: its stores alone). `processes` runs several
servers as one, `reloading` says which settings may change meanwhile, `limits` what the system
allows. `certificate` keeps what TLS needs, `self_signed` makes it. `announcing` lets the local
network find it.

`watch` is what each process knows of itself, `observing` adds what is known of the accounts,
`pages` hands both to the dashboard and does what its buttons say (`intake`: adding and searching,
`trash`: having things back); `readiness` is for who starts servers. `explaining` says what is known
of a path, `examining` what is wrong with a set-up. `watching` is about films that are played.
`beside` copies what stands beside the database.

Nothing is loaded here: a command names the module that it needs, and does not wait for the others.
"""
