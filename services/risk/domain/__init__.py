"""What risk decides: the life of a notice, who reads it, what a file says. Pure."""
