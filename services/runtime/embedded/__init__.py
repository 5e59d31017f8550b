"""PostgreSQL and NATS as direct children of one process, their state under one directory."""
