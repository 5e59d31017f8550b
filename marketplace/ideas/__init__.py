"""The idea box of a firm (创意): employees' ideas, votes, and funding from stage to stage."""
