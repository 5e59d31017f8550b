"""A demonstration park and the story it tells."""
