#!/bin/sh
#SBATCH --job-name=rehearsal-merge
#SBATCH --output=merge.log
# Merges what the shards have left, and ends as the whole run would have.

rehearsal merge shard-*.run.gz --output nightly.run.gz --exit-code
code=$?
rehearsal report nightly.run.gz --terminal --junit nightly.xml --html nightly.html
exit "$code"
