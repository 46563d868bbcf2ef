"""Three davstores behind one HAProxy, over one database."""
