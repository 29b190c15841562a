"""Universal robustness: the search for the epsilon that breaks a model, what it found, and the four risks."""
