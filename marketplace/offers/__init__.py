"""What is published: resources, terms, price rules, visibility."""
