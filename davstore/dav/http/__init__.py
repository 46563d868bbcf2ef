"""What of HTTP has nothing to do with the tree: bodies, conditions, dates, media types."""
