"""What people changed in davstore alone, as values and on disk, and the log of what was removed."""
