"""Claims, figures and pages, all worked out from stored results; nothing is measured here."""
