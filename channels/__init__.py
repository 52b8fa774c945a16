"""A folder a channel, and in it a folder a provider.

A provider's folder holds `send`, the adapter that hands a message over, and `notifications` where
the provider reports what happens to a message later: pure functions from the body of a request to
message statuses. `registry` lists the providers; every adapter passes the conformance tests.
"""
