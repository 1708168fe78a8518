"""What TensorFlow itself reads: a frozen graph, and a SavedModel as TF Serving takes it."""
from sr_tf.chips.session import plain_session
from sr_tf.compat import tf
from sr_tf.graphs import pictures
from sr_tf.graphs.exported import INPUT, OUTPUT


def write_frozen(path, definition):
    with open(path, 'wb') as file:
        file.write(definition.SerializeToString())


def open_frozen(path):
    """A function of batches that computes with a frozen graph's file."""
    definition = tf.GraphDef()
    with open(path, 'rb') as file:
        definition.ParseFromString(file.read())
    graph = tf.Graph()
    with graph.as_default():
        tf.import_graph_def(definition, name='')
    return _runner(plain_session(graph), pictures.INPUT + ':0', pictures.OUTPUT + ':0')


def write_saved_model(folder, definition):
    """`folder` does not exist yet."""
    graph = tf.Graph()
    with graph.as_default(), plain_session(graph) as session:
        tf.import_graph_def(definition, name='')
        tensors = [graph.get_tensor_by_name(name + ':0')
                   for name in (pictures.INPUT, pictures.OUTPUT)]
        tf.saved_model.simple_save(session, folder, {INPUT: tensors[0]}, {OUTPUT: tensors[1]})


def open_saved_model(folder):
    """A function of batches that computes with a SavedModel's default signature."""
    graph = tf.Graph()
    session = plain_session(graph)
    loaded = tf.saved_model.load(session, [tf.saved_model.SERVING], folder)
    signature = loaded.signature_def[tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY]
    return _runner(session, signature.inputs[INPUT].name, signature.outputs[OUTPUT].name)


def _runner(session, given, wanted):
    return lambda batch: session.run(wanted, {given: batch})
