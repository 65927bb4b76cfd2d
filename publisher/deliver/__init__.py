"""The sending engine: claims, journals, lanes, posts, notices, outcomes, recovery."""
