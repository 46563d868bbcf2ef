"""Each account as it is kept: asked, remembered, refreshed, shared with other processes."""
