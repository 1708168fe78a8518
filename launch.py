"""Starts a training script once for each device: launch.py --num_devices=8 -- train.py ..."""
import contextlib
import os
import sys

from absl import flags

from sr_tf import cli
from sr_tf.distributed import launcher, rank_table
from sr_tf.errors import UsageError

FLAGS = flags.FLAGS


def define():
    flags.DEFINE_integer('num_devices', None, 'Processes on this host.', lower_bound=1)
    flags.DEFINE_list('hosts', None, 'All hosts of the job by address, this one among them; run '
                      'the same command on each.')
    flags.DEFINE_integer('host_index', 0, 'Which of --hosts this is, counted from 0.',
                         lower_bound=0)
    flags.DEFINE_string('rank_table', None, 'The rank table of the NPUs. Default: '
                        'RANK_TABLE_FILE in the environment.')
    flags.DEFINE_list('device_ips', None, 'The addresses of the NPUs, as hccn_tool shows them; a '
                      'rank table is made of them.')
    flags.DEFINE_list('device_ids', None, 'The numbers of the NPUs with these addresses. Default: '
                      '0, 1, ...')
    flags.DEFINE_boolean('make_rank_table', False, 'Print that rank table and do nothing else.')
    flags.DEFINE_string('log_path', None, 'A folder for one log of each rank, rank-0.log and so '
                        'on. Without it lines are prefixed with their rank.')
    flags.DEFINE_float('grace', 30, 'Seconds that the ranks have to save after SIGTERM.')


def main(command):
    devices = FLAGS.num_devices or len(FLAGS.device_ips or ()) or None
    if devices is None:
        raise UsageError('--num_devices is missing: how many processes to start on this host')
    if FLAGS.device_ids and not FLAGS.device_ips:
        raise UsageError('--device_ids=%s: are those of --device_ips, which is missing'
                         % ','.join(FLAGS.device_ids))
    if FLAGS.make_rank_table:
        print(made_rank_table(devices))
        return 0
    if not command:
        raise UsageError('what to start? launch.py --num_devices=%d -- train.py --model=...'
                         % devices)
    hosts = FLAGS.hosts or ['127.0.0.1']
    if FLAGS.host_index >= len(hosts):
        raise UsageError('--host_index=%d: --hosts names %d'
                         % (FLAGS.host_index, len(FLAGS.hosts or ())))
    if command[0].endswith('.py'):
        command = [sys.executable, '-u'] + command
    with rank_table_path(devices) as path:
        environments = launcher.environments(devices, hosts, FLAGS.host_index, path)
        return launcher.run(command, environments, FLAGS.log_path, FLAGS.grace)


def rank_table_path(devices):
    """A context that gives the path of the rank table, or None without any."""
    if FLAGS.device_ips and len(FLAGS.hosts or ()) > 1:
        raise UsageError('--device_ips: are those of one host; for several give --rank_table')
    if FLAGS.rank_table and not os.path.exists(FLAGS.rank_table):
        raise UsageError('--rank_table=%s: no such file' % FLAGS.rank_table)
    if FLAGS.device_ips:
        return rank_table.written(made_rank_table(devices))
    return contextlib.nullcontext(FLAGS.rank_table)


def made_rank_table(devices):
    if len(FLAGS.device_ips or ()) != devices:
        raise UsageError('--device_ips: needs the address of each of the %d devices' % devices)
    return rank_table.text(FLAGS.device_ips, FLAGS.device_ids)


if __name__ == '__main__':
    cli.run(main, define, __doc__)
