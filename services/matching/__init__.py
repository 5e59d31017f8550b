"""Requirements ranked against what is really free, with reasons."""
