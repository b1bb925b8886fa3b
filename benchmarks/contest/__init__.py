"""What `benchmarks/speed.py` is made of: the cases, the contestants, the timing, and what is said about the times.

cases ──► contestants ──► agreement ──► timing ──► intervals ──► targets ──► report, picture
inputs    functions       equal?        seconds    ratios        met?        table, JSON, PNG
"""
