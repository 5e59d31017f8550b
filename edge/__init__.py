"""The agent beside the machine: reads, journals, publishes; never writes to a machine."""
