"""A checkpoint without what only training needs: an optimizer, and weights beside averages."""
import contextlib
import os

from sr_tf import checkpoint
from sr_tf.compat import tf
from sr_tf.errors import UserError


@contextlib.contextmanager
def written(path, source, model):
    """Writes it, yields where it is until then, and moves it to `path` if the block ends well."""
    folder, name = os.path.split(path)
    metadata = dict(checkpoint.read_metadata(source) or {}, model=model.name(),
                    hyper_parameters=model.hyper_parameters, scales=model.scales)
    try:
        with checkpoint.whole_in(folder) as staging:
            prefix = os.path.join(staging, name)
            checkpoint.write(prefix, checkpoint.read_all_weights(source), metadata)
            checkpoint.write_metadata(prefix, dict(metadata, sha256=checkpoint.checksum(prefix)))
            yield prefix
    except (OSError, tf.errors.OpError) as error:
        raise UserError('%s: cannot be written: %s' % (path, error)) from error
