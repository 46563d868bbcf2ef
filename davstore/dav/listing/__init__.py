"""PROPFIND and pages, from prepared entries."""
