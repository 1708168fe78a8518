#!/usr/bin/env bash
# Goes on from the weights of --restore_path on one device; --help shows the options.
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
required+=(restore_path)
train_case acc 1 "$@"
