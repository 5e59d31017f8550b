"""Versioned events: what one context tells those downstream of it."""
