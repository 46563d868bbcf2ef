"""Three davstores behind one HAProxy: what is written through one, killed at another, and read on."""
