"""`ictus export` and `ictus simulate`: firmware out of a model, and what it does and costs on a recording."""
