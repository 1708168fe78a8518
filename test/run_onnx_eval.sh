#!/usr/bin/env bash
# Scores the ONNX file --model_path with ONNX Runtime; --help shows the options.
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
device=cpu
required+=(model_path)
test_case --engine=onnxruntime "$@"
