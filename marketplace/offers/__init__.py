"""Offers (要约): resources published under a price rule, so that they can be found and matched."""
