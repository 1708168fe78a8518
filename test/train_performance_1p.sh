#!/usr/bin/env bash
# Measures the speed of training on one device; --help shows the options.
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
train_case perf 1 "$@"
