"""The machinery of the platform: one folder per step of the flow, upstream first."""
