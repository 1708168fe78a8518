# shellcheck shell=bash
# What the launchers share: they source it and call train_case or test_case.
set -eo pipefail # not -u: before bash 4.4 it takes an empty array for an unset one

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
LAUNCHER=$(basename "$0")
PYTHON=${PYTHON:-python}
STEPS_FOR_SPEED=300
SHARED='scales|degradation|precision|cuda_device|npu_precision_mode|npu_option|npu_fusion_switch_file'
LAST_LINES=20 # of the log make the speed: before them a chip may have compiled

required=(data_path)
data_path='' output_path='' restore_path='' model_path='' model=bsrn device=npu
batch_size='' train_steps='' train_epochs='' num_devices='' rank_table=${RANK_TABLE_FILE:-}
ifcontinue=false
further=()

usage() {
    cat <<END
usage: bash test/$LAUNCHER --data_path=FOLDER [--option=value ...]

  --data_path=FOLDER    the images: DIV2K_train_HR, train or HR in it, or the images themselves
  --output_path=FOLDER  what is made [test/output/\$ASCEND_DEVICE_ID/${LAUNCHER%.sh}]
  --model=NAME          bsrn, rcan, rdn, srcnn or wdsr [$model]
  --device=KIND         npu, gpu or cpu [$device]
  --batch_size=N        images a step on each device [as published]
  --train_steps=N       steps to train [as published; $STEPS_FOR_SPEED to measure the speed]
  --train_epochs=N      passes over the images to train, instead
  --num_devices=N       devices that an 8p launcher uses [8]
  --rank_table=FILE     their rank table, if they are NPUs [\$RANK_TABLE_FILE]
  --restore_path=PATH   the checkpoint to fine-tune or to score
  --model_path=FILE     what export.py made of one, for run_onnx_eval.sh and run_infer_310.sh
  --ifcontinue          continue the run in output_path
  --help                this text

Further options go to train.py, from run_test.sh and run_onnx_eval.sh to validate.py, and from
run_infer_310.sh to infer.py.
PYTHON in the environment is the Python to use [python].
END
}

# In some countries' locales it would read 12.5 as 12, and write 12,5.
awk() {
    LC_ALL=C command awk "$@"
}

fail() {
    echo "$LAUNCHER: $1" >&2
    exit 2
}

parse() {
    local option name
    for option in "$@"; do
        case $option in
        -h | --help)
            usage
            exit
            ;;
        --ifcontinue) ifcontinue=true ;;
        --data_path=* | --output_path=* | --restore_path=* | --model_path=* | --model=* | \
            --device=* | --batch_size=* | --train_steps=* | --train_epochs=* | --num_devices=* | --rank_table=*)
            name=${option%%=*}
            printf -v "${name#--}" %s "${option#*=}"
            ;;
        --*) further+=("$option") ;;
        *) fail "$option: options are written --name=value; --help shows them" ;;
        esac
    done
    for name in "${required[@]}"; do
        [[ -n ${!name} ]] || fail "--$name is missing; --help says what it is"
    done
    [[ -d $data_path ]] || fail "--data_path=$data_path: no such folder"
    data_path=$(realpath "$data_path")
    [[ $device =~ ^(npu|gpu|cpu)$ ]] || fail "--device=$device: is npu, gpu or cpu"
    for name in batch_size train_steps train_epochs num_devices; do
        [[ ${!name} =~ ^([1-9][0-9]*)?$ ]] || fail "--$name=${!name}: is a whole number from 1 on"
    done
    # That the plug-in compiled the network, which ModelZoo looks for in the log, it says at 0 alone.
    [[ $device != npu ]] || export TF_CPP_MIN_LOG_LEVEL=${TF_CPP_MIN_LOG_LEVEL:-0}
    export ASCEND_DEVICE_ID=${ASCEND_DEVICE_ID:-0}
    LOGS=$ROOT/test/output/$ASCEND_DEVICE_ID
    mkdir -p "$LOGS"
    # Of two launchers, one would write into the other's log and remove its folders.
    exec 9>"$LOGS/.lock"
    flock -n 9 || fail "another launcher writes to $LOGS: give this one another ASCEND_DEVICE_ID"
}

# train_case acc|perf DEVICES OPTION...
train_case() {
    local kind=$1 devices=$2 train_images valid_images='' option passed_on=()
    parse "${@:3}"
    ((devices == 1)) || devices=${num_devices:-$devices}
    train_images=$(image_flags train)
    [[ $kind == perf ]] || valid_images=$(image_flags valid)
    start_run "$kind"
    start_log train

    train "$kind" "$devices" "$train_images"
    if [[ $kind == acc ]]; then
        for option in "${further[@]}"; do
            [[ ! $option =~ ^--($SHARED)= ]] || passed_on+=("$option")
        done
        score "--restore_path=$output_path" "$output_path/report" "$valid_images" "${passed_on[@]}"
    fi
    write_summary "$kind" "$devices"
}

# test_case OPTION...
test_case() {
    local images weights
    parse "$@"
    images=$(image_flags test)
    start_log test
    weights=--restore_path=${restore_path:-$LOGS/train_full_1p}
    [[ -z $model_path ]] || weights=--model_path=$model_path
    score "$weights" "${output_path:-$LOGS/${LAUNCHER%.sh}}" "$images" "${further[@]}"
    print_score
}

# image_flags train|valid|test: which images in data_path these are, as flags, one a line.
image_flags() {
    PYTHONPATH=$ROOT${PYTHONPATH:+:$PYTHONPATH} \
        "$PYTHON" -m sr_tf.jobs.data_folder "$1" "$data_path" "${further[@]}"
}

start_run() {
    if [[ -z $output_path ]]; then
        output_path=$LOGS/${LAUNCHER%.sh}
        # Nobody misses weights that were trained to measure the speed.
        [[ $1 == acc ]] || $ifcontinue || rm -rf "$output_path"
    fi
    $ifcontinue || ! ls "$output_path"/model.ckpt-*.index >/dev/null 2>&1 ||
        fail "$output_path holds a run: continue it with --ifcontinue or name another --output_path"
}

start_log() {
    LOG=$LOGS/$1_$ASCEND_DEVICE_ID.log
    : >"$LOG"
}

# train acc|perf DEVICES IMAGE_FLAGS
train() {
    local command=("$PYTHON" -u) flags=(--model="$model" --chip="$device") images
    mapfile -t images <<<"$3"
    [[ $1 == acc || -n $train_steps$train_epochs ]] || train_steps=$STEPS_FOR_SPEED
    flags+=(${train_steps:+--max_steps="$train_steps"} ${train_epochs:+--num_epochs="$train_epochs"}
        ${batch_size:+--batch_size="$batch_size"} ${restore_path:+--restore_path="$restore_path"})
    if (($2 > 1)); then
        [[ $device != npu || -n $rank_table ]] ||
            fail '--rank_table is missing: NPUs need one; launch.py --make_rank_table prints it'
        command+=("$ROOT/launch.py" --num_devices="$2" ${rank_table:+--rank_table="$rank_table"} --)
    else
        export RANK_SIZE=1 RANK_ID=0 JOB_ID=${JOB_ID:-10087}
    fi
    run "${command[@]}" "$ROOT/train.py" "${flags[@]}" "${further[@]}" "${images[@]}" \
        --train_path="$output_path"
}

# score WEIGHTS_FLAG REPORT IMAGE_FLAGS FLAG...
score() {
    local images
    mapfile -t images <<<"$3"
    run "$PYTHON" -u "$ROOT/validate.py" --chip="$device" "${@:4}" "${images[@]}" \
        "$1" --report_path="$2"
}

print_score() {
    echo "Final PSNR : $(last_score PSNR)"
    echo "Final SSIM : $(last_score SSIM)"
}

# Runs a command and shows its log; it gets our SIGTERM or Ctrl-C, so that it can save, and is told
# when the terminal goes.
run() {
    local code child screen logged
    logged=$(stat -c %s "$LOG")
    # A session of its own, so that a signal to all our processes reaches it once.
    setsid "$@" >>"$LOG" 2>&1 </dev/null &
    child=$!
    trap 'kill -TERM "$child"' TERM INT HUP
    tail -s 0.1 -f -c "+$((logged + 1))" --pid="$child" "$LOG" &
    screen=$!
    while true; do
        code=0
        wait "$child" || code=$?
        kill -0 "$child" 2>/dev/null || break
    done
    wait "$screen" || true
    trap - TERM INT HUP
    return "$code"
}

write_summary() {
    local batch case_name fps seconds accuracy=none duration=$SECONDS
    batch=${batch_size:-$(grep -ho '"batch_size": [0-9]*' "$output_path"/model.ckpt-*.json |
        tail -n 1 | grep -o '[0-9]*$')}
    case_name=${model}_bs${batch}_${2}p_$1
    fps=$(values_of fps | tail -n $LAST_LINES |
        awk '$1 > 0 {n += 1; sum += 1 / $1} END {if (n) printf "%.2f", n / sum}')
    seconds=$(values_of sec/batch | tail -n $LAST_LINES |
        awk '{sum += $1} END {if (NR) printf "%.4f", sum / NR}')
    values_of loss >"$LOGS/${case_name}_loss.txt"
    [[ $1 == perf ]] || accuracy=$(last_score PSNR)

    echo "Final Performance images/sec : $fps"
    echo "Final Performance sec/step : $seconds"
    if [[ $1 == acc ]]; then
        echo "Final Train Accuracy : $accuracy"
        echo "Final SSIM : $(last_score SSIM)"
    fi
    echo "E2E Training Duration sec : $duration"
    cat >"$LOGS/$case_name.log" <<END
Network = $model
RankSize = $2
BatchSize = $batch
DeviceType = $(uname -m)
CaseName = $case_name
ActualFPS = $fps
TrainingTime = $seconds
ActualLoss = $(tail -n 1 "$LOGS/${case_name}_loss.txt")
E2ETrainingTime = $duration
TrainAccuracy = $accuracy
# ActualFPS counts the images of all devices together ($2), BatchSize those of one
END
}

# What follows a word in the log's lines about steps.
values_of() {
    awk -v word="$1" '/sec\/batch/ {for (i = 1; i < NF; i++) if ($i == word) print $(i + 1)}' "$LOG"
}

# last_score PSNR|SSIM: of the images in the log, at the largest scale.
last_score() {
    sed -n "s/^.* x[0-9]*: .*$1 \([^ ]*\) .*(bicubic.*/\1/p" "$LOG" | tail -n 1
}
