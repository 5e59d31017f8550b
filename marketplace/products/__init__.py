"""Configurable products (个性化定制): options, constraints, routing over firms, price, orders."""
