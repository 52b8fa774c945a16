"""What the workflow and its activities exchange: programs, payloads and names. All that workflows import."""
