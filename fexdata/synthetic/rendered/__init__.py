"""People of whom meshes and textures are known, rendered at many expressions with exact parameters."""
