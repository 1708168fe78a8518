"""Gradients of kernels by other ways to the same numbers, which CPUs compute faster."""
import functools

from sr_tf.compat import tf

FEW = 4  # features; a CPU computes 16 at once, also where there are fewer


def quick(products):
    """A context in which convolutions are made whose kernels get their gradients quickly.

    products: whether those of 1x1 are to be products of matrices.
    """
    return tf.get_default_graph().gradient_override_map({'Conv2D': _registered(products)})


@functools.lru_cache(maxsize=None)
def _registered(products):
    """The name of the gradient, which TensorFlow lets be registered once."""
    name = 'SrTfConv2DWithProducts' if products else 'SrTfConv2D'

    @tf.RegisterGradient(name)
    def gradients(convolution, change):
        images, kernel = convolution.inputs
        geometry = {key: convolution.get_attr(key) for key in ('strides', 'padding')}
        of_images = tf.nn.conv2d_backprop_input(tf.shape(images), kernel, change, **geometry)
        height, width, before, after = shape = kernel.shape.as_list()
        if products and height == width == 1:
            return of_images, _product(images, change, shape)
        if after <= FEW < before and height % 2 == width % 2 == 1:
            return of_images, _exchanged(images, change, shape, geometry)
        return of_images, tf.nn.conv2d_backprop_filter(images, shape, change, **geometry)

    return name


def _product(images, change, shape):
    return tf.reshape(tf.matmul(tf.reshape(images, [-1, shape[2]]),
                                tf.reshape(change, [-1, shape[3]]), transpose_a=True), shape)


def _exchanged(images, change, shape, geometry):
    """That of the convolution in which the few features are read and the many written."""
    height, width, before, after = shape
    gradient = tf.nn.conv2d_backprop_filter(change, [height, width, after, before], images,
                                            **geometry)
    return tf.transpose(tf.reverse(gradient, [0, 1]), [0, 1, 3, 2])
