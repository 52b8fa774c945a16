"""HTTP for all routes: keys, bodies, problems, times, middleware, the documentation page."""
