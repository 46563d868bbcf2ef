"""What is to be added: queued on disk, added at the service's pace, exported and imported."""
