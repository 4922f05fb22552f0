"""The pages of the dashboard: what a view shows lies in its own file, pictures are SVG made on the server."""
