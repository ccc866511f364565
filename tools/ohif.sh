#!/usr/bin/env bash
# Prepares OHIF's viewer to be served under /ohif by `wilhelm serve` (docs/page.md):
#
#   tools/ohif.sh FOLDER      e.g. ~/.local/share/wilhelm/ohif; then server.ohif = "FOLDER" in the configuration
#
# Fetches the npm package @ohif/app of one version, checks its hash, and writes what is served of it into FOLDER, which must not
# be there: the addresses of its files begin with /ohif/ in place of /, index.html holds no script of its own, and what
# the program never gives out is left out (source maps, the service worker, runtimes for models that OHIF would fetch from elsewhere).
# Needs Node.js 20 or later with npm. OHIF is under the MIT license, which lies beside it.
set -euo pipefail

version=3.12.10
# Of the package's file, as the registry of npm states it (base64 of SHA-512).
integrity='sha512-0kuF66Mq9c9dMD++bUsTjMrJpXJwaZhz9B4uS244DawAjSkTwIYFU93pxPuRUQixaRi7QAHlF3Fe1qudBlZrmA=='

folder=${1:?expected a folder to write}
if [ -e "$folder" ]; then
  printf '%s\n' "$folder is there already: remove it, or name another" >&2
  exit 2
fi
command -v npm >/dev/null || { printf '%s\n' "npm is missing: install Node.js 20 or later" >&2; exit 2; }
mkdir -p "$(dirname "$folder")"
work=$(mktemp -d "$(dirname "$folder")/ohif.XXXXXX")
trap 'rm -rf "$work"' EXIT

npm pack --silent --pack-destination "$work" "@ohif/app@$version" >/dev/null
package=$work/ohif-app-$version.tgz
found=sha512-$(openssl dgst -sha512 -binary "$package" | base64 -w 0)
if [ "$found" != "$integrity" ]; then
  printf '%s\n' "the package's hash is $found, expected $integrity: nothing was written" >&2
  exit 3
fi
tar -xzf "$package" -C "$work"
node "$(dirname "$0")/ohif.mjs" "$work/package" "$work/ready" "$version"
chmod 755 "$work/ready"
mv "$work/ready" "$folder"
printf '%s\n' "OHIF $version is in $folder. In the configuration: server.ohif = \"$(cd "$folder" && pwd)\""
