"""The methods, one file per paper, each in its paper's order."""
