"""Training of the methods on built datasets: loader, trainer, networks, losses, one file per method."""
