"""The SQL of deals, one module per part of their life."""
