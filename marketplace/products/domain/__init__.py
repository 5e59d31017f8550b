"""What a configurable product is, which choices hold together, and the life of its orders."""
