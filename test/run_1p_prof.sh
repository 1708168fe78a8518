#!/usr/bin/env bash
# Writes a profile of a few steps on one device; --help shows the options.
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
case " $* " in
*' --device=cpu '* | *' --device=gpu '*) profile=(--profile) ;;
*)
    # On an NPU the plug-in writes it.
    folder=$ROOT/test/output/profile
    mkdir -p "$folder"
    profile=("--npu_profiling=$folder")
    ;;
esac
train_case perf 1 --train_steps=20 "${profile[@]}" "$@"
