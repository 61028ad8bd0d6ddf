"""The engine and what it runs on: loop, inbox, bus, liveness."""
