"""Reports: runs with their visits, a journey's statistics, goals, and the scores of splits."""
