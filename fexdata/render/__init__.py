"""From meshes to pixels: rasterisers behind one function, and how maps are stored."""
