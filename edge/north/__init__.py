"""Towards the platform: Sparkplug B over MQTT, with receipts from the platform's database."""
