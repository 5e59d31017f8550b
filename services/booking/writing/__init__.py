"""The durable writer (持久化写入): one process per shard books in batches, and then answers."""
