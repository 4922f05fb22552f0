"""`ictus doctor`: does this installation do what it promises?"""
