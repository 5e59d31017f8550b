"""How a launch becomes a link: behind a port, with a sandbox that signs it here."""
