#!/usr/bin/env bash
# Scores the checkpoint --restore_path; --help shows the options.
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
test_case "$@"
