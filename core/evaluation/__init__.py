"""What a perturbation does to a model on held-out images, and how visible it is."""
