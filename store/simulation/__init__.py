"""The throwaway database of a simulation."""
