#!/bin/sh
# Start of the MongoDB container: the key file of the replica set comes from the environment and must belong to mongod alone.
set -eu
: "${MONGO_KEYFILE:?set MONGO_KEYFILE in .env (see .env.example)}"
umask 077
printf '%s' "$MONGO_KEYFILE" > /data/configdb/keyfile
chown mongodb:mongodb /data/configdb/keyfile
exec docker-entrypoint.sh mongod --replSet rs0 --bind_ip_all --keyFile /data/configdb/keyfile \
  --setParameter transactionLifetimeLimitSeconds=10 --networkMessageCompressors snappy,zstd "$@"
