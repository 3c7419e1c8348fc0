"""People who do not exist, photographed: pictures of faces with exact truth."""
