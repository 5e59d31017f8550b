"""What clients of booking send and get back."""
