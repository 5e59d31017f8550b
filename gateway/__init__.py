"""Every process door and its wiring."""
