"""What workflows and activities exchange: programs, payloads and names.

Workflows import nothing else of ours.
"""
