"""Face models fitted to landmarks: pose, identity and expression of many photographs at once."""
