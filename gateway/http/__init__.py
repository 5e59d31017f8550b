"""The HTTP door: application factory, problem details, routes of the contexts."""
