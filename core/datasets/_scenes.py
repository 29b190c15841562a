"""The eleven classes of CamVid (Brostow et al. 2009) as SegNet uses them (Badrinarayanan et al. 2017), with colours."""

CLASSES = (
    "sky", "building", "pole", "road", "pavement", "tree", "sign", "fence", "car", "pedestrian", "bicyclist",
)  # fmt: skip
PALETTE = (
    (148, 203, 236), (122, 84, 62), (226, 214, 150), (88, 88, 100), (196, 178, 200), (34, 120, 58), (240, 196, 0),
    (150, 70, 168), (18, 74, 190), (214, 40, 57), (60, 214, 190),
)  # fmt: skip
"""Classes that meet in a street differ in lightness as well, for people with colour vision deficiency."""
