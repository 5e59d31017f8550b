"""Resources, working calendars, live state, observations and the free gaps that follow."""
