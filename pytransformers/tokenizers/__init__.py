"""Text to ids and back, on the Rust `tokenizers` library.

`encoding` holds a batch, `special` the special tokens, `files` reads and writes folders, `fast` is the tokenizer
itself, and each further file adds one architecture's way to build it from its own vocabulary file.
"""
