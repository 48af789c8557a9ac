"""Measurement: builds the image, runs it in an emulator or on this host, and returns Evidence."""
