"""What one recording holds: beats, rhythm, seizures and the events they make, as figures and as files."""
