"""The directions (方向): what is shared in each and how, as data over the same primitives."""
