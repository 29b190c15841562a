"""Pages that need no server: the same results and figures as plain files."""
