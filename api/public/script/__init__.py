"""The script of sites, `/parcours.js`: its sections, and the route that serves it."""
