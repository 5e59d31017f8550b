"""The web pages, zh-CN first, live where it matters."""
