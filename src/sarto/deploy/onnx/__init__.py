"""Networks as ONNX files: of integers with QuantizeLinear and DequantizeLinear (QDQ), and of floats."""
