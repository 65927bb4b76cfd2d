"""When: wall times, posting times, freezing and starting what is due."""
