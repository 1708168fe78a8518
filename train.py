"""Trains a network; run again with the same --train_path, it continues.

What is not said of batches, learning rate and length is as the model was published.
"""
import contextlib
import os

import models
from sr_tf import checkpoint, cli, distributed, flags
from sr_tf.data.pack import open_pack, read_through
from sr_tf.data.sampler import Sampler, Shard
from sr_tf.errors import UsageError
from sr_tf.network import GraphNetwork
from sr_tf.progress import progress_shower
from sr_tf.scoring.validation import Validation
from sr_tf.streams import say
from sr_tf.training.folder import held
from sr_tf.training.start import choose_start, require_same_model
from sr_tf.training.trainer import Plan, train
from sr_tf.upscaler import Upscaler

FLAGS = flags.FLAGS


def main(arguments):
    cli.refuse_arguments(arguments)
    flags.refuse_platform()
    model_class = models.find(flags.required('model'))
    recipe = flags.recipe(model_class)
    chip = flags.chip()
    engine = distributed.start(FLAGS.distributed, chip)
    folder = flags.required_place('train_path')
    weights = flags.start_path(model_class.name(), recipe['scales'])
    start = choose_start(folder, FLAGS.resume, weights, FLAGS.restore_target, FLAGS.global_step)
    model = build_model(model_class, recipe, start)
    require_same_model(start, model)
    pack = packed(flags.loader(recipe['scales']), recipe['scales'], model.input_is_enlarged)
    sampler = Sampler(pack, recipe['scales'],
                      flags.patch_sizes(recipe, model.input_is_enlarged), recipe['batch_size'],
                      FLAGS.seed, Shard(engine.rank, engine.size), recipe['accumulate_steps'])
    plan = make_plan(recipe, chip, engine.size, len(pack.names))
    validate = validation(model, recipe['scales'], chip, engine)

    with held(folder, start) if engine.is_chief else contextlib.nullcontext():
        if engine.is_chief:
            say('%s on %d %s in %s, %d images, %d steps, in %s%s'
                % (model.name(), engine.size, chip.kind, chip.precision, len(pack.names),
                   plan.max_steps, folder,
                   ', from %s' % os.path.basename(start.prefix) if start.kind == 'resume' else ''))
        received = train(model, sampler, plan, chip, engine, folder, start, validate)
    engine.close()
    chip.verify()
    if not engine.is_chief:
        return 128 + received if received else 0
    if received:
        say('%s: saved in %s; the same command continues' % (received.name, folder))
        return 128 + received
    say('done: %s' % checkpoint.resolve(folder))
    return 0


def build_model(model_class, recipe, start):
    """With the hyper-parameters of the checkpoint it starts from, where flags do not differ."""
    inherited = checkpoint.read_metadata(start.prefix) if start.prefix else None
    if inherited is None or inherited['model'] != model_class.name():
        return model_class(flags.model_scales(recipe), **flags.hyper_parameters(model_class))
    given = flags.given_hyper_parameters(model_class)
    return model_class(flags.model_scales(recipe), **dict(inherited['hyper_parameters'], **given))


def packed(loader, scales, enlarge):
    pack = open_pack(loader, scales, flags.pack_folder(), enlarge,
                     progress_shower('packing images'), flags.degradation(scales) or 'bicubic')
    if FLAGS.data_cached:
        read_through(pack)
    return pack


def make_plan(recipe, chip, processes, images):
    recipe = dict(flags.in_steps(recipe, images, processes), precision=chip.precision)
    return Plan(
        recipe=recipe, schedule=flags.schedule(recipe, processes), max_steps=recipe['max_steps'],
        loss_scale=flags.loss_scale(recipe, chip),
        step_timeout=flags.step_timeout(processes, chip), profile=flags.profile(chip),
        arguments=flags.values(),
        **{name: FLAGS[name].value for name in (
            'seed', 'recompute', 'log_freq', 'summary_freq', 'save_freq', 'save_max_keep',
            'validate_freq', 'sleep_ratio')})


def validation(model, scales, chip, engine):
    """What scores weights on this process' share of the validation images, or None without any."""
    if not FLAGS.validate_freq:
        return None
    if not FLAGS.valid_truth_path:
        raise UsageError('--validate_freq needs --valid_truth_path, the images to validate on')
    network = []

    def upscaler_of(weights):
        if not network:
            network.append(GraphNetwork(model, chip))
        network[0].assign(weights)
        return Upscaler(model, network[0])

    return Validation(upscaler_of, flags.test_sets(scales, 'valid'), flags.degradation(scales),
                      (engine.rank, engine.size))


if __name__ == '__main__':
    cli.run(main, flags.define_training, __doc__)
