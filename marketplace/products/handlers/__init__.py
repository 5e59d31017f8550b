"""Use cases of configurable products: publishing, configuring, ordering, following."""
