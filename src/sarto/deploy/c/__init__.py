"""C99 from an integer graph, and the files around it that make a flashable image."""
