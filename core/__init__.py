"""PlainSight's engine: universal perturbations and the shared adversarial training that makes them show themselves."""
