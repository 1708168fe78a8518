#!/usr/bin/env bash
# Enlarges images on an Ascend 310 with the offline model --model_path and scores the pictures;
# --help shows the options.
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
required+=(model_path)
parse "$@"
[[ $(basename "$model_path") =~ _x([2-8]) ]] ||
    fail "--model_path=$model_path: is not named as export.py does, such as wdsr_x2.om"
scale=${BASH_REMATCH[1]}
output_path=${output_path:-$LOGS/${LAUNCHER%.sh}}
image_lines=$(image_flags test)
mapfile -t images <<<"$image_lines"
start_log infer

run "$PYTHON" -u "$ROOT/prepare.py" lr "${images[@]}" --scales="$scale" \
    --output_path="$output_path/lr"
run "$PYTHON" -u "$ROOT/test/infer_310/infer.py" --model="$model_path" "${further[@]}" \
    --input="$output_path/lr/x$scale" --output="$output_path/pictures"
run "$PYTHON" -u "$ROOT/validate.py" --chip=cpu "${images[@]}" --scales="$scale" \
    --sr_path="$output_path/pictures" --report_path="$output_path/report"
print_score
