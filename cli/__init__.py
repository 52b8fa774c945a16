"""The command `parcours`: a module for each noun."""
