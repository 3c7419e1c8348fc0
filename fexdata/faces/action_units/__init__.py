"""Action units from faces: schemes of scores, the geometric tool, and readers of other tools."""
