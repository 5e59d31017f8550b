"""What projects decide. Pure."""
