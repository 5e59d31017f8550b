"""What pooled purchasing decides: lists, tiered prices, shares. Pure."""
