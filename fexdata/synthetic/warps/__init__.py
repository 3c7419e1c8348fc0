"""Photographs with another expression: the same person, camera and light, exact parameters."""
