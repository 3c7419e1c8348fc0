"""What came out: metrics, evaluators, the papers' tables, editing."""
