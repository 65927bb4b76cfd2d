"""What comes into the mailbox: fetched, read, sorted, settled; nothing in it is believed that is not signed."""
