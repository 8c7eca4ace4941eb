"""Images to arrays: `images` loads and changes them, `base` is what every processor does, and each further file adds
one architecture's processor.
"""
