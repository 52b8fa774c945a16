"""From a journey to the program that workflows run."""
