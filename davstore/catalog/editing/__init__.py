"""What people do to an account: deleting, restoring, renaming; and removing at the stores."""
