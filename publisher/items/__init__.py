"""Items: who writes what a source gave, and how a picture, a text and an identity are made of it."""
