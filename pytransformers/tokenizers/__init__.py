"""Text to ids and back, on the Rust `tokenizers` library.

`base` is what all tokenizers do, with a file for each part of it: `special` tokens, `prepare` (cutting, padding),
`storage` (folders and hubs, whose files `files` reads), `chat` templates. `plain` and `fast` are the two kinds,
`encoding` what they return, and each further file has one architecture's classes or one scheme.
"""
