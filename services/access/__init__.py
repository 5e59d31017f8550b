"""Credentials of people and of programs: who is asking, and how surely that is known."""
