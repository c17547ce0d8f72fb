#!/bin/sh
# Tries `make install` in a bare Debian: without PyTorch's build for processors it has to end within a minute and say the
# one command; with an index that has it, to pass. Needs root, debootstrap, internet or a mirror, and 6 GB of disk.
#
#   tests/bare_debian.sh FOLDER WHEELS [MIRROR]
#
# FOLDER is where that Debian is made (and stays), WHEELS a folder with the wheel, MIRROR where debootstrap finds Debian.
set -eu
root=$1 wheels=$2 mirror=${3:-}
here=$(cd "$(dirname "$0")/.." && pwd)

[ -e "$root/usr/bin/make" ] || # mirror unquoted: where there is none, no word
  debootstrap --variant=minbase --include=ca-certificates,make,python3,python3-venv bookworm "$root" $mirror >/dev/null
cp /etc/resolv.conf /etc/hosts "$root/etc/"
cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
rm -rf "$root/scalequest" "$root/index"
git clone --quiet "$here" "$root/scalequest"
mkdir -p "$root/index/torch"
cp "$wheels"/torch-*.whl "$root/index/torch/"
mountpoint -q "$root/proc" || mount -t proc proc "$root/proc"
mountpoint -q "$root/dev" || mount --bind /dev "$root/dev"
python3 -m http.server --bind 127.0.0.1 --directory "$root/index" 18765 >/dev/null 2>&1 &
server=$!
trap 'kill $server; umount "$root/dev" "$root/proc"' EXIT

# Nothing is configured but where the certificates are, which a registry of one's own may need.
inside() {
  env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 PIP_CERT=/etc/ssl/certs/ca-certificates.crt \
    chroot "$root" sh -c 'cd /scalequest && exec "$@"' sh "$@"
}

code=0
inside timeout 60 make install TORCH_INDEX=http://127.0.0.1:9 2>"$root/said" || code=$?
cat "$root/said"
[ $code = 2 ]
grep -q 'run: make install TORCH_INDEX=' "$root/said"
[ "$(du -sm "$root/scalequest/.venv" | cut -f1)" -lt 100 ]

inside make install TORCH_INDEX=http://127.0.0.1:18765
inside .venv/bin/python -c 'import kfp, torch, transformers, trl; print(torch.__version__)'
inside .venv/bin/scalequest --help >/dev/null
echo 'bare Debian: passed'
