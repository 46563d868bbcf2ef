"""Where the state lies, its tables, and what processes tell each other through it."""
