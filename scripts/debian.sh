# Unpacks Debian's packages into a folder of the cache, with the C library that they were built against. Nothing is
# installed, and no package manager's state is touched. What comes from elsewhere enters the cache by `begin` and `publish`
# alone. To be sourced by a script that has
#
#   SUITE                  the suite of Debian that the packages are taken from, if it takes any
#   fail MESSAGE           says what cannot be had, and why, and ends the script
# shellcheck shell=bash

readonly KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg
readonly SERVERS=${WHIMBREL_SERVERS:-${XDG_CACHE_HOME:-$HOME/.cache}/whimbrel/servers}

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

# Makes a folder to work in, $work, with $prefix for what is to be published. One script at a time does; what an interrupted
# one left behind goes.
begin() {
    mkdir -p "$SERVERS" || fail "the folder $SERVERS cannot be made"
    command -v flock >/dev/null || fail 'flock is missing (package util-linux)'
    exec 9>"$SERVERS/.lock"
    flock 9
    rm -rf "$SERVERS"/.building.*
    # On the folder's own file system, so that the rename is one step.
    work=$(mktemp -d "$SERVERS/.building.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    prefix=$work/prefix
}

# Gives the finished folder its name, all at once.
publish() {
    mv -T "$prefix" "$SERVERS/$1"
    say "made $SERVERS/$1"
    echo "$SERVERS/$1"
}

# What apt said last.
apt_said() { sed "s/^/${0##*/}:   apt: /" "$work/apt.log" | tail -n 5 >&2; }

# The URIs that the machine itself takes Debian's main component from, one a line. Other entries of apt's are not ours:
# they have other suites or components, or are signed by other keys.
debian_uris() {
    local codename
    # shellcheck source=/dev/null
    codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
    local -a lists=() sources=()
    local file
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do [ -r "$file" ] && lists+=("$file"); done
    for file in /etc/apt/sources.list.d/*.sources; do [ -r "$file" ] && sources+=("$file"); done
    {
        if [ ${#lists[@]} -gt 0 ]; then
            # One line each: deb [options] URI SUITE COMPONENT…
            sed -nE 's/#.*//; s/^[[:space:]]*deb[[:space:]]+(\[[^]]*\][[:space:]]*)?//p' "${lists[@]}" |
                awk '{ for (i = 3; i <= NF; i++) print $1, $2, $i }'
        fi
        if [ ${#sources[@]} -gt 0 ]; then
            # Stanzas of fields; a field goes on in lines that begin with a blank.
            awk '
                function flush(   u, s, c, i, j, k, nu, ns, nc) {
                    if ((" " f["types"] " ") ~ / deb / && tolower(f["enabled"]) !~ /^[[:space:]]*(no|false|0)/) {
                        nu = split(f["uris"], u); ns = split(f["suites"], s); nc = split(f["components"], c)
                        for (i = 1; i <= nu; i++) for (j = 1; j <= ns; j++) for (k = 1; k <= nc; k++) print u[i], s[j], c[k]
                    }
                    split("", f)
                }
                FNR == 1 { flush() }
                /^#/ { next }
                /^[[:space:]]*$/ { flush(); next }
                /^[[:space:]]/ { f[field] = f[field] " " $0; next }
                { field = tolower($0); sub(/:.*/, "", field); value = $0; sub(/^[^:]*:/, "", value); f[field] = value }
                END { flush() }
            ' "${sources[@]}"
        fi
    } | awk -v codename="$codename" '
        $3 == "main" && ($2 == codename || $2 ~ /^(stable|oldstable|testing|unstable|sid)$/) && !seen[$1]++ { print $1 }'
}

# Runs apt's program $1 with folders of its own under $work, so that the machine's packages neither matter nor change.
private_apt() {
    local program=$1
    shift
    "$program" -q -oDir::Etc::sourcelist="$work/sources.list" -oDir::Etc::sourceparts=/dev/null \
        -oDir::State::Lists="$work/lists" -oDir::Cache="$work/cache" -oDir::State::status=/dev/null \
        -oAPT::Sandbox::User=root -oAcquire::Retries=3 -oAcquire::Languages=none "$@"
}

# Reads the suite's index through the first of the machine's Debian mirrors that has it.
update_index() {
    local uri program
    for program in apt-get apt-cache dpkg; do
        command -v "$program" >/dev/null || fail "this way needs Debian's $program"
    done
    [ -r "$KEYRING" ] || fail "$KEYRING is missing (package debian-archive-keyring)"
    mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
    while read -r uri; do
        echo "deb [arch=$(dpkg --print-architecture) signed-by=$KEYRING] $uri $SUITE main" >"$work/sources.list"
        say "reading the package index of Debian $SUITE"
        if private_apt apt-get --error-on=any update >"$work/apt.log" 2>&1; then return; fi
        apt_said
    done < <(debian_uris)
    [ -e "$work/sources.list" ] || fail 'apt has no source for Debian main (/etc/apt/sources.list, sources.list.d)'
    fail "apt cannot read the index of Debian $SUITE"
}

# Downloads packages and all that they need into $work/packages.
download() {
    local -a packages
    mapfile -t packages < <(private_apt apt-get install -s --no-install-recommends "$@" |
        awk '$1 == "Inst" { gsub(/[()]/, "", $3); print $2 "=" $3 }')
    [ ${#packages[@]} -gt 0 ] || fail "apt cannot resolve $* in Debian $SUITE"
    mkdir "$work/packages"
    if ! (cd "$work/packages" && private_apt apt-get download "${packages[@]}") >"$work/apt.log" 2>&1; then
        apt_said
        fail "apt cannot download $*"
    fi
}

# Unpacks them into $prefix, without their documents: nothing that runs here reads them, and they are a fifth of it.
unpack() {
    local package
    say "unpacking $(find "$work/packages" -name '*.deb' | wc -l) packages"
    mkdir -p "$prefix/bin"
    for package in "$work"/packages/*.deb; do dpkg -x "$package" "$prefix"; done
    rm -rf "$prefix/usr/share/doc" "$prefix/usr/share/man"
}

# Writes bin/$2, which starts $1 (a path inside the folder) with the folder's own C library. It runs $3 first, and gives the
# program the arguments $4 before its own; both may name $here, the folder, and $libraries, its libraries.
wrap_unpacked() {
    local program=$1 name=$2 first=${3:-} arguments=${4:-} loader
    loader=$(cd "$prefix" && find . -name 'ld-linux*.so.*' -type f -printf '%P\n' | sort | head -n 1)
    [ -n "$loader" ] || fail 'the unpacked packages hold no dynamic loader'
    cat >"$prefix/bin/$name" <<WRAPPER
#!/bin/sh
here=\$(cd "\$(dirname "\$0")/.." && pwd)
libraries=\$here/usr/lib/$(basename "$(dirname "$loader")")
$first
exec "\$here/$loader" --library-path "\$here/$(dirname "$loader"):\$libraries:\$here/usr/lib" "\$here/$program" $arguments "\$@"
WRAPPER
    chmod +x "$prefix/bin/$name"
}
