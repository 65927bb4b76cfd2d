"""Real servers of other makers, started for tests."""
