"""Incubation (孵化): programmes, teams, and introductions to investors with consent."""
