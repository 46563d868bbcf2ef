"""Folders that cost a service a call when they are opened."""
