#!/usr/bin/env bash
# Trains fully on one device and scores the result; --help shows the options.
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
train_case acc 1 "$@"
