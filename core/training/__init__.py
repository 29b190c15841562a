"""Standard and shared adversarial training (Mummadi, Brox, Metzen, ICCV 2019, section 3)."""
