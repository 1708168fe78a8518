"""Model cards: for each of the weights that come along, what it is and what it is not good at."""
