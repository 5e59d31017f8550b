"""Search over what is on offer: a projection behind one port that can be rebuilt at any time."""
