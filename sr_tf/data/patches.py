"""Cuts patches out of a mapped file and turns them, several at a time.

Everything that is as small as a number is computed for all patches at once: what an operation costs
by itself is more than what it takes to copy a row of pixels.
"""
import numpy as np

from sr_tf.compat import tf

TURNS = 3  # whether rows are reversed, whether columns are, and whether the two are then swapped


def mapped(path):
    """A dataset that gives the bytes of a file, as often as one asks, and copies none of them.

    Were they a constant, or a function's input, TensorFlow would copy all of them when it
    optimizes a graph.
    """
    pixels = np.memmap(path, np.uint8, 'r')

    def read(_):
        tensor = tf.numpy_function(lambda: pixels, [], tf.uint8)
        tensor.set_shape(pixels.shape)
        return tensor

    return tf.data.Dataset.range(1).map(read).cache().repeat()


def cut(pixels, plane, top, left, size, turns):
    """Patches `[n, size, size, 3]`, each of a picture of its own.

    plane: a `Plane` of tensors `[n]`, as are `top` and `left`.
    turns: bool `[n, TURNS]`.
    """
    count = int(turns.shape[0])
    first_bytes = tf.unstack(tf.expand_dims(plane.offset + top * plane.stride, 1))
    lengths = tf.unstack(tf.expand_dims(size * plane.stride, 1))
    shapes = tf.unstack(tf.stack([tf.fill([count], np.int64(size)), plane.stride], 1))
    corners = tf.unstack(tf.stack([tf.zeros_like(left), 3 * left], 1))
    turn = _turner(size, turns)
    patches = []
    for number in range(count):
        # One after the other: handing small operations from thread to thread takes longer.
        with tf.control_dependencies(patches[-1:]):
            # Whole rows are a view of the file; only the patch is copied.
            rows = tf.slice(pixels, first_bytes[number], lengths[number])
        rows = tf.reshape(rows, shapes[number])
        patches.append(turn(number, tf.slice(rows, corners[number], [size, 3 * size])))
    return tf.reshape(tf.stack(patches), [count, size, size, 3])


def _turner(size, turns):
    """A function of a patch's number and its `[size, 3 * size]` that lays it as `turns` say."""
    reverses_rows, reverses_columns, swaps = tf.unstack(turns, axis=1)
    rows = np.arange(size)
    row_orders = _chosen([rows, rows[::-1]], reverses_rows)
    reverses_columns = tf.unstack(reverses_columns)
    axes = _chosen([[0, 1, 2], [1, 0, 2]], swaps)

    def turn(number, patch):
        patch = tf.reshape(tf.gather(patch, row_orders[number]), [size, size, 3])
        left, reversing = tf.raw_ops.Switch(data=patch, pred=reverses_columns[number])
        patch, _ = tf.raw_ops.Merge(inputs=[left, tf.reverse(reversing, [1])])
        # Axes that stay in their order cost nothing.
        return tf.transpose(patch, axes[number])

    return turn


def _chosen(pair, flags):
    """For each flag the second of two vectors where it is set, else the first."""
    return tf.unstack(tf.gather(np.stack(pair), tf.cast(flags, tf.int32)))
