"""Use cases of risk: collecting, writing, releasing, delivering, reading, exporting."""
