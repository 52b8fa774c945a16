"""Activities that plan and close waits."""
