"""Use cases of tracking: samples and their reports, handovers of goods."""
