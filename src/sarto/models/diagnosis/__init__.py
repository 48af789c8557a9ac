"""What a reservoir does, told from its matrices and from the states that data drive it through.

`spectrum` looks at the matrices alone; `tangent` follows small changes along the data, `echo_state` large ones;
`activity` looks at the neurons. All of it works on a cell and on a stack, layer by layer.
"""
