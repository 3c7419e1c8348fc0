"""Blendshapes learned from people's meshes: sparse, localised, one movement each."""
