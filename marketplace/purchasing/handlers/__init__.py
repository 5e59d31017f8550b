"""Use cases of pooled purchasing, one module per part of a list's life."""
