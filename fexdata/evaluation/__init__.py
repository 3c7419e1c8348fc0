"""How good is a trained method, and what can be done with it: metrics, the papers' tables, editing."""
