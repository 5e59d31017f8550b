"""Hold, confirm, cancel, expire: slots that cannot be double-booked."""
