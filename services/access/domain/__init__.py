"""What a credential is and when it still holds. Pure."""
