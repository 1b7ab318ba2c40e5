#!/bin/sh
#SBATCH --job-name=rehearsal
#SBATCH --array=1-3
#SBATCH --output=shard-%a.log
# One shard of a run. What follows the script is handed on to `rehearsal run`.

rehearsal run --shard auto --run-file "shard-$SLURM_ARRAY_TASK_ID.run.gz" "$@"
code=$?
# Only what the harness or the way to the target failed at is tried again.
if [ "$code" -eq 3 ] && [ "${SLURM_RESTART_COUNT:-0}" -lt 2 ]; then
    scontrol requeue "$SLURM_JOB_ID"
fi
exit "$code"
