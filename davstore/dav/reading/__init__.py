"""GET and HEAD, and entries as WsgiDAV's resources."""
