"""Choosing classes by a checkpoint's `model_type`: one table of names, and the Auto classes that read it."""
