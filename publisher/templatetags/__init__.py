"""Template tags: dates and numbers as people write them, status marks and bars, the text of a post."""
