"""The matching interface and the implementations behind it."""
