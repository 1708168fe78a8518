"""A checkpoint in the formats of other programs."""

FORMATS = ('saved_model', 'frozen', 'onnx', 'om')
