"""The throwaway database of a simulation, and what its driver reads from it."""
