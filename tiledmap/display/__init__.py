"""How values are shown: as branches of a tree, and as HTML for a notebook."""
