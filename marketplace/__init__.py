"""What people trade."""
