"""One folder per framework; each is imported only when a name of that framework is asked for."""
