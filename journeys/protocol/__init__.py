"""Programs, payloads and names that workflows share with activities and clients.

This is the only folder of ours that workflows import.
"""
