"""What computes a network: TensorFlow or another program, on the same weights."""

ENGINES = ('tf', 'onnxruntime', 'openvino', 'auto')
EXPORTED = '.onnx'
