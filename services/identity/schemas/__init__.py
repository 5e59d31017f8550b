"""What the API takes and says of identity."""
