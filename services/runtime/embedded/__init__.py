"""PostgreSQL and NATS as child processes, for machines that bring neither."""
