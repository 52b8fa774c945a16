"""What workflows do: plan and close waits, choose, send, change, finish."""
