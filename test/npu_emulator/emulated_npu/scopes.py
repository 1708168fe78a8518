"""The plug-in's scopes, which leave attributes on nodes."""
import tensorflow

from emulated_npu import marks, profile

tf = tensorflow.compat.v1


def keep_dtype_scope():
    return marks.keep_dtype(tf.AttrValue(i=1) if profile.is_newer() else tf.AttrValue(b=True))
