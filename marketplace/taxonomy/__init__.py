"""What can be asked for: processes, materials, certificates and tolerances, as data."""
