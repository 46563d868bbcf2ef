"""What is kept by key for all threads and processes: locks, properties, notes."""
