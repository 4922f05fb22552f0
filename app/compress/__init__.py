"""`ictus compress`: a recipe, an automatic search or a sweep on a bench that every task has."""
