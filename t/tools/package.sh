#!/bin/bash
# The Debian package: built in a scratch directory, clean for lintian, installed programs that work. Takes a minute or more: only with
# CPMAIL_TEST_PACKAGE=1 in the environment.
. "$(dirname "$0")/../lib/wire.sh"
[ -n "${CPMAIL_TEST_PACKAGE:-}" ] || skip_all "CPMAIL_TEST_PACKAGE is not set"
need dpkg-buildpackage dh lintian
export CPMAIL_TAP=
check "the package is built and lintian finds no error" "$SOURCE/scripts/package" --source --out "$scratch/out"
check "with its source" eval 'ls "$scratch"/out/cpmail_*.dsc'
dpkg-deb -x "$scratch"/out/cpmail_*_*.deb "$scratch/root"
for file in etc/cpmail/cpmail.conf usr/bin/sip-listen usr/share/man/man7/cpmail.7.gz lib/systemd/system/cpmail.target usr/lib/sysusers.d/cpmail.conf \
	usr/share/bash-completion/completions/spool-ls usr/share/cpmail/sv/report/run; do
	check "it has $file" test -e "$scratch/root/$file"
done
check "the configuration in it is good" "$scratch/root/usr/bin/cpmail-conf" -n -c "$scratch/root/etc/cpmail/cpmail.conf"
check "the unit names the program in it" grep -q '^ExecStart=/usr/bin/report -c /etc/cpmail/cpmail.conf' "$scratch/root/lib/systemd/system/cpmail-report.service"
if command -v sipsak >/dev/null; then
	sed -e 's|^#!/bin/bash|&\nPATH='"$scratch/root/usr/bin"':$PATH|' -e "s|5070|$(free_port)|g" "$SOURCE/debian/tests/by-hand" >"$scratch/by-hand"
	mkdir "$scratch/tmp"
	check "its own test passes" env AUTOPKGTEST_TMP="$scratch/tmp" timeout 60 bash "$scratch/by-hand"
fi
finish
