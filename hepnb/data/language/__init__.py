"""How a cut becomes arrays: tokens, tree, names bound to columns, steps, evaluation in blocks.

Read in this order: `tokens`, `syntax`, `parser`, `binding`, `translation`, `compilation`,
`evaluation`. `hepnb.data.expressions` is what everybody else uses.
"""
