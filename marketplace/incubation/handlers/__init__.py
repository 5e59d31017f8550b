"""Use cases of incubation: programmes and teams, investors vouched for, introductions."""
