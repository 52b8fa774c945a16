"""The console: its pages as files, its sessions, and what its builder asks for."""
