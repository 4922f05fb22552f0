"""Pages that load nothing from anywhere: their frame, figures and strips."""
