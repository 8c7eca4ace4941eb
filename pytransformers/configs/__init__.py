"""One configuration class per architecture, with its checkpoint quirks as data. Imports no framework, no NumPy."""
