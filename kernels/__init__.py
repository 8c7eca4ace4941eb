"""Triton kernels, one file per op family. Installed as `pytransformers.kernels`."""
