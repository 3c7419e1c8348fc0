"""Metrics, one per file: the formula and its source, a function of pictures or features, nothing else.

Pictures are (B, 3, H, W) float32 in [0, 1]; functions give one number per picture, and the caller
takes the mean (`fexdata.evaluation.measured.mean_of`), so that every figure has its n and interval.
"""
