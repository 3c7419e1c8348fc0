"""Review: a person clears the rejected and doubtful faces; the decisions are data, never files moved."""
