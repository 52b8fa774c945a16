"""The HTTP API: a folder for each subject, a module for each resource."""
