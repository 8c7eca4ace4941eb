"""Our operations beside each framework's own, in one process for each framework."""
