"""Use cases of deals, one module per part of their life."""
