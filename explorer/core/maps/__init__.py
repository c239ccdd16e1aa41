"""A plane of two knobs with a run at every pixel: what is asked, its pieces, where they are kept, and who computes them."""
