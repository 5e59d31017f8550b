"""What members of a chain space share: weeks of demand and capacity, orders, product records."""
