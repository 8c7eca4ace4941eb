"""The contract of every fused op: signature, shape rule, float64 reference, cases; and which kernel runs it."""
