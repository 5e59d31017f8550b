"""The HTTP door: the API under ``/api/v1``, live events, health and metrics."""
