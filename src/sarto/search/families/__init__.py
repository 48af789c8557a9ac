"""Families of models to search, one file each: settings, what is to be tried, and how settings become a graph.

File name = family name = choice on the command line. A family's file has `Candidate`, the settings of one trial;
`space`, their ranges; and `PRESETS`, where a search starts.
"""
