"""Photographs rendered from meshes: perspective, lit by surroundings, skin that scatters light, hair as strands."""
