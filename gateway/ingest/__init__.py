"""The MQTT door: Sparkplug in, capacity written, receipts out."""
