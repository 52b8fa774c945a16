"""Track events with the Segment client that is first on the path, and print its version.

Arguments: host, write key, how many events, and what their message ids begin with.
"""

import sys

from segment.analytics.client import Client
from segment.analytics.version import VERSION

host, write_key, count, prefix = sys.argv[1:]
failures: list[object] = []
client = Client(
    write_key,
    host=host,
    gzip=prefix.endswith("gzip"),
    on_error=lambda error, _batch: failures.append(error),
)
for n in range(int(count)):
    client.track(
        f"user-{n % 20}", "Order Completed", {"n": n, "total": 42.5}, message_id=f"{prefix}-{n}"
    )
client.flush()
client.join()
if failures:
    sys.exit(f"not delivered: {failures}")
sys.stdout.write(f"{VERSION}\n")
