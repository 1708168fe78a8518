#!/usr/bin/env bash
# Writes a profile of a few steps on one device; --help shows the options.
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
train_case perf 1 --train_steps=20 --profile "$@"
