"""How long a training step waits for its batch."""
from sr_tf.compat import plain_dataset_options, tf

THREADS = 3  # two that make batches, and one for who asks for them


def timed(batches):
    """A dataset of each batch and the seconds, a float32, for which it was waited for.

    The clock is read where batches come from, on the host whatever the chip, as part of asking for
    one: so it takes no run of its own.
    """
    asked = tf.data.Dataset.range(1).repeat().map(lambda _: tf.timestamp())
    # Zipped datasets are asked one after the other.
    timed = tf.data.Dataset.zip((asked, batches)).map(
        lambda asked, batch: (batch, tf.cast(tf.timestamp() - asked, tf.float32)))
    return as_written(timed)


def as_written(dataset):
    """The dataset without what TensorFlow would do to it.

    It would ask for batches ahead of the step, which then waits where nobody looks; and its threads
    would compute the step as well, so that to read the clock would wait for them.  To watch each
    operation, as it does to tune itself, takes a tenth of the time of making a batch.
    """
    return dataset.with_options(plain_dataset_options(THREADS))
