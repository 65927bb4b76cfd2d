"""Who may do what, and the account of who did what."""
