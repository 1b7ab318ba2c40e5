#!/bin/sh
# Submits the shards and, for when all are over, what merges them; waits for that. The files appear in this folder.
# `submit.sh --profile nightly --seed "$(date +%Y%m%d)"`
set -eu
here=$(dirname "$0")

array=$(sbatch --parsable "$here/shard.sh" "$@")
exec sbatch --wait --dependency="afterany:$array" "$here/merge.sh"
