"""What a chain space decides: weeks and their gaps, the records of one product."""
