"""What other rooms keep in the database: links, logins, locks, small files, hooks' news."""
