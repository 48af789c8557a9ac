"""Reads trained networks: an ONNX file, or a Python factory with weights in safetensors; nothing is unpickled.

Each reader returns what the network computes and its weights as arrays. What was read is run beside the original on
random items before it is returned, so a network that reads is the network that was given.
"""
