"""Ways to read a machine, behind one small protocol."""
