#!/bin/sh
# Makes endorsement_keys.txt: the public endorsement keys of so many TPMs in software, base64 of SubjectPublicKeyInfo in
# DER, one on each line. Nobody has the private keys: the seed of each is overwritten by the next, and the last one's
# state is deleted.
#
# Needs swtpm, tpm2-tools and OpenSSL (Debian: swtpm swtpm-tools tpm2-tools libtss2-tcti-swtpm0 openssl).
# usage: endorsement_keys.sh COUNT > endorsement_keys.txt
set -eu
count=$1
folder=$(mktemp -d)
port=${PORT:-29321}
swtpm socket --tpm2 --flags startup-clear --tpmstate dir="$folder" --daemon --pid file="$folder/pid" \
  --server type=tcp,port="$port",bindaddr=127.0.0.1 --ctrl type=tcp,port=$((port + 1)),bindaddr=127.0.0.1
trap 'kill "$(cat "$folder/pid")"; rm -rf "$folder"' EXIT
export TPM2TOOLS_TCTI="swtpm:host=127.0.0.1,port=$port"
cd "$folder"
for _ in $(seq "$count"); do
  tpm2_changeeps -Q
  tpm2_createek -c ek.ctx -G rsa -u ek.tpm2b
  tpm2_readpublic -c ek.ctx -f der -o ek.der -Q
  tpm2_flushcontext -t
  openssl pkey -pubin -inform DER -in ek.der -pubout -outform DER | base64 -w0
  echo
done
