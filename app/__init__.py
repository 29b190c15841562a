"""The browser app: watch one perturbation break one model and not the other."""
