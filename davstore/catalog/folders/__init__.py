"""What a snapshot is made of: folders whose files are loaded when they are touched."""
