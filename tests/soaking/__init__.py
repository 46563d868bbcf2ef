"""What `python -m tests.soak` is made of: the server, and all that is done to it."""
