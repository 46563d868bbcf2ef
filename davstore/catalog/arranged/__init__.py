"""The views over all accounts, as they stand now."""
