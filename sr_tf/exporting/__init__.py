"""A checkpoint in the formats of other programs, and as one of weights alone."""

FORMATS = ('saved_model', 'frozen', 'onnx', 'om', 'checkpoint')
