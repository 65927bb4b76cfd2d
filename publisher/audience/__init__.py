"""To whom: subscribing, leaving, importing, and the rule that says for whom a message is."""
